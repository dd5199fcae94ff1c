# The only build file. `make help` lists what it can do.
#
#   P=release|debug|asan|tsan   picks a profile; each builds into build/$(P)/

P ?= release
B := build/$(P)

CC        := gcc
AR        := gcc-ar
WARNINGS  := -Wall -Wextra -Wconversion -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes
CFLAGS    := -std=gnu11 -g -fno-strict-aliasing -fstack-protector-strong $(WARNINGS)
CPPFLAGS  := -Isrc -D_GNU_SOURCE
LDLIBS    := -pthread

ifeq ($(P),release)
CFLAGS += -O2 -flto=auto -D_FORTIFY_SOURCE=2
else ifeq ($(P),debug)
CFLAGS += -O0
else ifeq ($(P),asan)
CFLAGS += -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
else ifeq ($(P),tsan)
CFLAGS += -O1 -fsanitize=thread -fno-omit-frame-pointer
else
$(error P=$(P) is no profile; take release, debug, asan or tsan)
endif

# Everything but the two mains is one archive, which the programs and the unit tests link.
MODULES   := base net proto store engine server client cli
MAINS     := src/server/main.c src/cli/main.c
SOURCES   := $(filter-out $(MAINS),$(foreach m,$(MODULES),$(wildcard src/$(m)/*.c)))
OBJECTS   := $(SOURCES:src/%.c=$(B)/obj/%.o)
ARCHIVE   := $(B)/libcloakroom.a
UNITS     := $(patsubst test/unit/%.c,$(B)/test/%,$(wildcard test/unit/test_*.c))

.PHONY: all
all: $(B)/cloakroomd $(B)/cloakroom ## build the release profile into build/release/ (P=… for another)

$(B)/cloakroomd: $(B)/obj/server/main.o $(ARCHIVE)
	$(CC) $(CFLAGS) -o $@ $^ $(LDLIBS)

$(B)/cloakroom: $(B)/obj/cli/main.o $(ARCHIVE)
	$(CC) $(CFLAGS) -o $@ $^ $(LDLIBS)

$(ARCHIVE): $(OBJECTS)
	@rm -f $@
	$(AR) rcs $@ $^

$(B)/obj/%.o: src/%.c Makefile
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(B)/test/%: test/unit/%.c $(ARCHIVE)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) -Itest/unit $(CFLAGS) -MMD -MP -o $@ $< $(ARCHIVE) $(LDLIBS) -lcmocka

-include $(wildcard $(B)/obj/*/*.d $(B)/test/*.d)

.PHONY: unit
unit: $(UNITS) ## build and run the unit tests of profile P
	@set -e; for t in $(UNITS); do $$t; done
