/* cloakroom completion: a script for bash, which the tables make. */
#include "cli/command.h"

#include <stdio.h>
#include <string.h>

/* What stands before the lists. The word before the last one decides when it is an option that takes a value; else what
 * begins with a dash is an option of the command or of all. */
static const char head[] =
    "# bash completion for cloakroom; made by `cloakroom completion bash`\n"
    "_cloakroom() {\n"
    "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command= word= i= words=\n"
    "    if [[ $cur == = ]]; then\n"
    "        cur=\n"
    "    elif [[ $prev == = ]]; then\n"
    "        prev=${COMP_WORDS[COMP_CWORD-2]}\n"
    "    fi\n"
    "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
    "        word=${COMP_WORDS[i]}\n"
    "        case $word in\n";

static const char middle[] = "            -*|=) ;;\n"
                             "            *) command=$word; break ;;\n"
                             "        esac\n"
                             "    done\n"
                             "    COMPREPLY=()\n";

static const char tail[] = "}\n"
                           "complete -F _cloakroom cloakroom\n";

/* "<age|idle|size>": one of these; others are any text. */
static bool has_choices(const struct option_row *row)
{
    return row->argument != NULL && strchr(row->argument, '|') != NULL;
}

/* What compgen is asked for; NULL: no names of files. */
static const char *files_of(const struct option_row *row)
{
    if (strcmp(row->argument, "<file>") == 0)
        return "-f";
    return strcmp(row->argument, "<dir>") == 0 ? "-d" : NULL;
}

static void put_choices(const char *argument)
{
    for (const char *p = argument; *p != '\0'; p++)
        if (*p != '<' && *p != '>')
            putchar(*p == '|' ? ' ' : *p);
}

static void put_pattern(const struct option_row *row)
{
    if (row->letter != 0)
        printf("-%c|", row->letter);
    printf("--%s", row->name);
}

/* Words behind which comes a value, which is no command. */
static void put_skips(void)
{
    for (size_t i = 0; i < options_common.n; i++) {
        if (options_common.rows[i].argument == NULL)
            continue;
        fputs("            ", stdout);
        put_pattern(&options_common.rows[i]);
        puts(") ((i++)); [[ ${COMP_WORDS[i]} == = ]] && ((i++)) ;;");
    }
}

/* The values of the options of one command: nothing, one of a few, or a file. */
static void put_values(const struct option_table *table, const char *command)
{
    for (size_t i = 0; i < table->n; i++) {
        const struct option_row *row = &table->rows[i];
        if (row->argument == NULL)
            continue;
        printf("        %s:", command);
        printf("--%s", row->name);
        if (row->letter != 0)
            printf("|%s:-%c", command, row->letter);
        const char *files = files_of(row);
        if (files != NULL) {
            printf(") compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen %s -- \"$cur\")); return ;;\n",
                   files);
            continue;
        }
        fputs(") words='", stdout);
        if (has_choices(row))
            put_choices(row->argument);
        puts("' ;;");
    }
}

static void put_names(const struct option_table *table)
{
    for (size_t i = 0; i < table->n; i++)
        printf("--%s ", table->rows[i].name);
}

static void put_all_names(void)
{
    size_t n;
    const struct command *const *all = command_all(&n);
    for (size_t i = 0; i < n; i++)
        printf("%s%s", all[i]->name, i + 1 < n ? " " : "");
}

static void put_argument(const struct command *command)
{
    if (strcmp(command->arguments, "directory") == 0) {
        puts("                compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -d -- \"$cur\")); "
             "return");
        return;
    }
    fputs("                words='", stdout);
    if (command == &command_help)
        put_all_names();
    else if (command == &command_completion)
        fputs("bash", stdout);
    puts("'");
}

static void put_options(const struct command *const *all, size_t n)
{
    puts("    if [[ $cur == -* ]]; then\n        case $command in");
    for (size_t i = 0; i < n; i++) {
        if (all[i]->options.n == 0)
            continue;
        printf("            %s) words='", all[i]->name);
        put_names(&all[i]->options);
        puts("' ;;");
    }
    fputs("        esac\n        words+=' ", stdout);
    put_names(&options_common);
    puts("'");
}

static void put_words(const struct command *const *all, size_t n)
{
    fputs("    elif [[ -z $command ]]; then\n        words='", stdout);
    put_all_names();
    puts("'\n    else\n        case $command in");
    for (size_t i = 0; i < n; i++) {
        if (all[i]->arguments[0] == '\0')
            continue;
        printf("            %s)\n", all[i]->name);
        put_argument(all[i]);
        puts("                ;;");
    }
    puts("        esac\n    fi\n    COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))");
}

static enum outcome run(const struct call *call)
{
    size_t n;
    const struct command *const *all = command_all(&n);
    if (call->nargs != 1 || strcmp(call->args[0], "bash") != 0)
        return command_misuse(call, "for which shell? There is one for bash: `cloakroom completion bash`");
    fputs(head, stdout);
    put_skips();
    fputs(middle, stdout);
    puts("    case $command:$prev in");
    put_values(&options_common, "*");
    for (size_t i = 0; i < n; i++)
        put_values(&all[i]->options, all[i]->name);
    puts("        *) prev= ;;\n    esac");
    puts("    if [[ -n $prev ]]; then\n        COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n        "
         "return\n    fi");
    put_options(all, n);
    put_words(all, n);
    fputs(tail, stdout);
    return OUTCOME_OK;
}

const struct command command_completion = {
    .name = "completion",
    .arguments = "shell",
    .summary = "print a script that completes commands and options; for bash",
    .help = "`make install` and the Debian package put it where bash finds it. By hand, for this shell:\n\n"
            "    eval \"$(cloakroom completion bash)\"\n",
    .nargs_max = 1,
    .run = run};
