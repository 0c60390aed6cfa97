#include "app/signals.h"

#include <signal.h>
#include <stddef.h>
#include <sys/time.h>
#include <unistd.h>

#include "app/exit_code.h"
#include "util/clock.h"
#include "util/file.h"

enum { SAME_REQUEST_US = 1000000, PREPARING_S = 1, RELEASE_US = 300000 };

static struct daub_stop *_Atomic target;
static atomic_llong first_us;    /* clock of the first signal; 0: none came */
static atomic_bool keeps_output; /* there is painted output */
static atomic_int code_at_once = EXIT_CODE_INTERRUPTED;
static bool terminal; /* set before the handlers are installed */

static void say(const char *text, size_t length)
{
    if (write(STDERR_FILENO, text, length) < 0) {
        /* nobody reads it */
    }
}

static void exit_at_once(int number)
{
    (void)number;
    if (daub_file_leave() > 0) {
        static const char note[] =
            "\ndaub: stopped at once; what was written is in NAME.partial.EXT\n";
        say(note, sizeof(note) - 1);
    }
    _exit(atomic_load(&code_at_once));
}

static void handle(int number)
{
    struct daub_stop *stop = atomic_load(&target);
    long long none = 0, now_us = daub_clock_us();
    bool first = atomic_compare_exchange_strong(&first_us, &none, now_us);
    if (!stop || (!first && now_us - none > SAME_REQUEST_US))
        exit_at_once(number);
    if (!first)
        return;
    daub_stop_request(stop);
    if (!atomic_load(&keeps_output))
        alarm(PREPARING_S);
    static const char note[] = "\ndaub: stopping; once more exits at once\n";
    if (terminal)
        say(note, sizeof(note) - 1);
}

void signals_install(struct daub_stop *stop)
{
    atomic_store(&target, stop);
    terminal = isatty(STDERR_FILENO);
    /* no SA_RESTART: a signal must end a waiting read */
    struct sigaction action = {.sa_handler = handle};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    action.sa_handler = exit_at_once;
    sigaction(SIGALRM, &action, NULL);
    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, NULL);
    sigaction(SIGXFSZ, &action, NULL); /* ulimit -f: writing fails instead */
}

bool signals_came(void)
{
    return atomic_load(&first_us) != 0;
}

void signals_keep_output(void)
{
    atomic_store(&keeps_output, true);
    alarm(0); /* a signal may have come before */
}

void signals_exit_soon(int code)
{
    struct itimerval timer = {.it_value = {.tv_usec = RELEASE_US}};
    atomic_store(&code_at_once, code);
    atomic_store(&keeps_output, false);
    setitimer(ITIMER_REAL, &timer, NULL);
}

void signals_uninstall(void)
{
    atomic_store(&target, NULL);
    atomic_store(&keeps_output, false);
}
