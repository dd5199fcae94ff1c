# The only build file; `make help` lists what it can do.
#
#   P=release|debug|asan|tsan   picks a profile; each builds into build/$(P)/

P ?= release
B := build/$(P)
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(shell nproc)
endif
MAKEFLAGS += --no-print-directory

CC        := gcc
AR        := gcc-ar
WARNINGS  := -Wall -Wextra -Wconversion -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes
CFLAGS    := -std=gnu11 -g -fno-strict-aliasing -fstack-protector-strong $(WARNINGS)
CPPFLAGS  := -Isrc -D_GNU_SOURCE
LDLIBS    := -pthread -lm -Wl,--as-needed -lssl -lcrypto -lmicrohttpd -ljansson -lsystemd -lz

ifeq ($(P),release)
CFLAGS += -O2 -flto=auto -ffat-lto-objects -D_FORTIFY_SOURCE=2
else ifeq ($(P),debug)
CFLAGS += -O0
CPPFLAGS += -DCLOAKROOM_DEBUG
else ifeq ($(P),asan)
CFLAGS += -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
else ifeq ($(P),tsan)
CFLAGS += -O1 -fsanitize=thread -fno-omit-frame-pointer
else
$(error P=$(P) is no profile; take release, debug, asan or tsan)
endif

# For packagers.
CFLAGS += $(EXTRA_CFLAGS)
LDLIBS += $(EXTRA_LDFLAGS)

# Everything but the two mains is one archive, which the programs and the unit tests link.
MODULES   := base io net proto store engine http server client cli
MAINS     := src/server/main.c src/cli/main.c
SOURCES   := $(filter-out $(MAINS),$(foreach m,$(MODULES),$(wildcard src/$(m)/*.c)))
OBJECTS   := $(SOURCES:src/%.c=$(B)/obj/%.o)
ARCHIVE   := $(B)/libcloakroom.a
# The dashboard's files and the description of the API, bundled into the program by their names.
PAGES     := $(sort $(foreach s,html js css svg png ico webmanifest txt,$(wildcard dash/*.$(s) dash/vendor/*.$(s))))
OBJECTS   += $(B)/obj/http/pages_list.o
UNITS     := $(patsubst test/unit/%.c,$(B)/test/%,$(wildcard test/unit/test_*.c))
LOAD      := $(B)/load
SIM       := $(B)/crash $(B)/leases

.PHONY: all
all: $(B)/cloakroomd $(B)/cloakroom $(B)/cloakroomd.8 $(B)/cloakroom.1 $(B)/cloakroom.bash ## build cloakroomd, cloakroom and the manual pages into build/release/ (P=… for another profile)

$(B)/cloakroomd: $(B)/obj/server/main.o $(ARCHIVE)
	@echo "  LINK $@"
	@$(CC) $(CFLAGS) -o $@ $^ $(LDLIBS)

$(B)/cloakroomd.8: $(B)/cloakroomd
	@$< --manual > $@

$(B)/cloakroom.1: $(B)/cloakroom
	@$< --manual > $@

$(B)/cloakroom.bash: $(B)/cloakroom
	@$< completion bash > $@

$(B)/cloakroom: $(B)/obj/cli/main.o $(ARCHIVE)
	@echo "  LINK $@"
	@$(CC) $(CFLAGS) -o $@ $^ $(LDLIBS)

$(ARCHIVE): $(OBJECTS)
	@echo "  AR   $@"
	@rm -f $@
	@$(AR) rcs $@ $^

$(B)/obj/%.o: src/%.c Makefile
	@mkdir -p $(@D)
	@echo "  CC   $@"
	@$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(B)/pages_list.c: tools/bundle $(PAGES) docs/openapi.json Makefile
	@mkdir -p $(@D)
	@tools/bundle $(PAGES) docs/openapi.json > $@.new && mv $@.new $@
# Without LTO, which would put symbols that an assembler made where their users cannot see them.
$(B)/obj/http/pages_list.o: $(B)/pages_list.c $(PAGES) docs/openapi.json
	@mkdir -p $(@D)
	@echo "  CC   $@"
	@$(CC) $(CPPFLAGS) $(CFLAGS) -fno-lto -c -o $@ $<

$(B)/test/%: test/unit/%.c $(ARCHIVE)
	@mkdir -p $(@D)
	@echo "  LINK $@"
	@$(CC) $(CPPFLAGS) -Itest -Itest/unit $(CFLAGS) -fno-lto -o $@ $(filter %.c,$^) $(ARCHIVE) $(LDLIBS) -lcmocka

$(UNITS): $(wildcard test/unit/*.h)
$(addprefix $(B)/test/,test_backup test_disk test_keyfile test_log test_marks): $(wildcard test/sim/sim_*.c test/sim/sim_*.h)
$(B)/test/test_upgrade: $(wildcard test/sim/sim_*.c test/sim/old_*.c test/sim/*.h)

$(B)/crash: $(filter-out $(wildcard test/sim/lease*.c),$(wildcard test/sim/*.c))
$(B)/leases: $(wildcard test/sim/lease*.c test/sim/sim_*.c)
$(SIM): $(wildcard test/sim/*.h) $(ARCHIVE)
	@echo "  LINK $@"
	@$(CC) $(CPPFLAGS) -Itest $(CFLAGS) -o $@ $(filter %.c,$^) $(ARCHIVE) $(LDLIBS)

$(LOAD): $(wildcard bench/*.c bench/*.h) $(ARCHIVE)
	@echo "  LINK $@"
	@$(CC) $(CPPFLAGS) -Ibench $(CFLAGS) -o $@ $(filter %.c,$^) $(ARCHIVE) $(LDLIBS) -lm

-include $(wildcard $(B)/obj/*/*.d $(B)/test/*.d)

.PHONY: demo demo-stop
demo: ## a PHP shop on two web servers behind a load balancer, its sessions in cloakroomd
	@tools/deps demo
	@$(MAKE) P=release build/release/cloakroomd build/release/cloakroom php
	@demo/demo start
demo-stop: ## end what `make demo` started
	@demo/demo stop

.PHONY: check check-asan check-full soak suites php-release
check: ## install what is missing, build, run all tests (P=asan, P=tsan: under a sanitizer)
	@tools/deps check
	@$(MAKE) suites $(FUZZ)
	@tools/check --profile $(P) all
check-asan: ## the part of `make check` that CI repeats under the address sanitizer
	@tools/deps check
	@$(MAKE) P=asan suites
	@tools/check --profile asan unit dialogues
check-full: ## every suite under every profile; takes its time
	@tools/deps check
	@tools/deps full
	@for p in release asan tsan; do $(MAKE) P=$$p suites && \
	    tools/check --profile $$p all || exit 1; done
	@tools/check --profile release tool-full fuzz-full sim-full backup-full deb-full leases-full kill-full contention-full doctor-full php-apps-full browser-full php-servers-full web-full
soak: ## the simulation and kill -9 with seeds of the day, for an hour or so
	@tools/deps check
	@$(MAKE) suites
	@tools/check --profile $(P) sim-soak leases-soak kill-soak
suites: all $(UNITS) $(SIM) $(if $(filter release debug,$(P)),php,php-release)
php-release: # PHP is no program of ours that a sanitizer could be built into
	@$(MAKE) P=release php

.PHONY: unit sim model dialogues clients server-tests tidy
sim: $(SIM) ## crashes, power cuts and disk errors in a simulated disk; leases and clients from a seed
	@tools/check --profile $(P) sim leases
model: ## all that can happen to a lease, looked through by spin
	@tools/check --profile $(P) model
unit: $(UNITS) ## the unit tests alone
	@tools/check --profile $(P) unit
dialogues: all ## what is said and answered, against memcached as the oracle
	@tools/check --profile $(P) dialogues
clients: all ## PHP's stock handlers and libmemcached's tools
	@tools/check --profile $(P) clients brim demo
server-tests: all ## start, bad input, limits, locks, full memory
	@tools/check --profile $(P) server
tidy: ## the house's own checks: layers, headers, format, sizes, planted bugs
	@tools/tidy

# One compiler call: what is shared with the tool is compiled in by php/shared.c. PHP's headers are not held to the
# house's warnings; its macros shadow a global.
PHP_CONFIG ?= php-config
PHP_FLAGS = $(patsubst -I%,-isystem %,$(shell $(PHP_CONFIG) --includes)) -DCOMPILE_DL_CLOAKROOM -fPIC -fvisibility=hidden \
            -Wno-shadow
PHP_SOURCES := $(wildcard php/*.c)
.PHONY: php php-phpize php-test install-php
php: $(B)/cloakroom.so ## the PHP extension, into build/release/cloakroom.so
$(B)/cloakroom.so: $(PHP_SOURCES) $(wildcard php/*.h src/base/*.[ch] src/client/*.[ch]) Makefile
	@mkdir -p $(@D)
	@echo "  LINK $@"
	@$(CC) $(CPPFLAGS) $(CFLAGS) $(PHP_FLAGS) -shared -o $@ $(PHP_SOURCES) -lm -lssl -lcrypto -lz
# The packagers' way and PIE's (composer.json), in a copy. Were the hash in the arginfo not that of the stub, phpize's
# Makefile would try to download what makes it.
php-phpize: ## build the extension by phpize, as packages do, into build/phpize/php/modules/
	@rm -rf build/phpize && mkdir -p build/phpize && cp -r php src build/phpize/
	@cd build/phpize/php && { phpize && ./configure --enable-cloakroom && $(MAKE); } >../log 2>&1 || \
	    { tail -20 ../log; exit 1; }
	@php -n -d extension=$(CURDIR)/build/phpize/php/modules/cloakroom.so --ri cloakroom | grep Version
php-test: all php ## the tests of the PHP extension
	@tools/check --profile $(P) php php-contention
install-php: php ## put the extension where PHP looks for it (DESTDIR=…); docs/php.md has the lines for php.ini
	install -D -m 644 $(B)/cloakroom.so $(DESTDIR)$(shell $(PHP_CONFIG) --extension-dir)/cloakroom.so

.PHONY: install uninstall deb
export DESTDIR prefix sysconfdir bindir sbindir mandir docdir datadir unitdir sysusersdir completionsdir
install: all ## server, tool, manual pages, units, /etc/cloakroom.conf (DESTDIR=…, prefix=/usr/local); PHP: install-php
	@packaging/install $(B)
uninstall: ## take away what install has put there, but for a configuration that was changed
	@packaging/install --uninstall $(B)
# In a copy: what packages are made of must not depend on what lies about here.
deb: ## Debian packages of server, tool and PHP extension, into build/deb/
	@tools/deps deb
	@rm -rf build/deb && mkdir -p build/deb/cloakroom
	@tar -c --exclude=./build --exclude=./.git --exclude=./demo/run --exclude=./bench/out . | tar -x -C build/deb/cloakroom
	@cp -r packaging/debian build/deb/cloakroom/debian
	@cp packaging/systemd/sysusers.conf build/deb/cloakroom/debian/cloakroom.sysusers
	@cd build/deb/cloakroom && env -u MAKEFLAGS -u MAKELEVEL DEB_BUILD_OPTIONS="noautodbgsym parallel=$(shell nproc)" \
	    dpkg-buildpackage -us -uc -b >../log 2>&1 || { tail -30 ../log; exit 1; }
	@ls build/deb/*.deb

# clang alone has libFuzzer; its __atomic builtins take no _Atomic, which one thread can do without.
FUZZ      := $(patsubst fuzz/fuzz_%.c,build/fuzz/fuzz_%,$(wildcard fuzz/fuzz_*.c))
FUZZED    := $(foreach m,base io proto store,$(wildcard src/$(m)/*.c)) src/client/address.c src/client/path.c \
             src/cli/doctor_ini.c src/cli/doctor_conf.c
.PHONY: fuzz
fuzz: $(FUZZ) ## a few seconds of any bytes for each target of fuzz/ (FUZZ_ARGS='--seconds 600')
	@fuzz/run.py $(FUZZ_ARGS)
# HTTP with all behind it.
build/fuzz/fuzz_http: $(wildcard src/engine/*.c src/http/*.c src/engine/*.h src/http/*.h) $(B)/pages_list.c
build/fuzz/%: fuzz/%.c $(FUZZED) $(wildcard src/base/*.h src/client/*.h src/io/*.h src/proto/*.h src/store/*.h src/cli/doctor_*.h) Makefile
	@mkdir -p $(@D)
	@echo "  LINK $@"
	@clang $(CPPFLAGS) -D_Atomic= -std=gnu11 -g -O1 -fno-strict-aliasing -fno-omit-frame-pointer \
	    -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -o $@ $(filter %.c,$^) $(LDLIBS)

.PHONY: mutants
mutants: suites ## plant each bug of test/mutants and see a test turn red
	@tools/deps check
	@tools/mutants --jobs 2

.PHONY: bench bench-memory bench-durable
bench: all $(LOAD) ## compare with memcached (MEMCACHED=PATH, BENCH_ARGS='--quick …')
	python3 bench/run.py --load $(LOAD) --cloakroomd $(B)/cloakroomd $(BENCH_ARGS)
bench-memory: all $(LOAD) ## memory per session, beside memcached's
	python3 bench/memory.py --load $(LOAD) --cloakroomd $(B)/cloakroomd $(BENCH_ARGS)

bench-durable: all $(LOAD) ## what the log on disk costs and gives, beside memcached and Redis
	@tools/deps bench
	python3 bench/durable.py --load $(LOAD) --cloakroomd $(B)/cloakroomd $(BENCH_ARGS)

.PHONY: docs
docs: all ## bring the lists of differences and options in docs/memcached.md up to date
	@{ sed '/differences: begin/q' docs/memcached.md; echo; test/dialogue/run.py --differences; \
	   sed -n '/differences: end/,/options: begin/p' docs/memcached.md; echo; tools/option-table $(B)/cloakroomd; echo; \
	   sed -n '/options: end/,$$p' docs/memcached.md; } > $(B)/memcached.md
	@mv $(B)/memcached.md docs/memcached.md

.PHONY: format clean help
format: ## bring all C sources into the house's format
	@clang-format -i $(wildcard src/*/*.[ch] test/*/*.[ch] bench/*.[ch] fuzz/*.c php/*.[ch])
clean: ## remove build/
	rm -rf build
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' Makefile
