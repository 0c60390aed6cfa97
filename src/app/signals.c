#include "app/signals.h"

#include <signal.h>
#include <stddef.h>
#include <unistd.h>

#include "app/exit_code.h"
#include "util/file.h"

static struct daub_stop *_Atomic target;
static atomic_bool seen;
static bool terminal; /* set before the handlers are */

static void handle(int number)
{
    (void)number;
    struct daub_stop *stop = atomic_load(&target);
    if (atomic_exchange(&seen, true) || !stop) {
        daub_file_unlink_pending();
        _exit(EXIT_CODE_INTERRUPTED);
    }
    daub_stop_request(stop);
    static const char note[] = "\ndaub: stopping; once more exits at once\n";
    if (terminal && write(STDERR_FILENO, note, sizeof(note) - 1) < 0) {
        /* nobody to tell */
    }
}

void signals_install(struct daub_stop *stop)
{
    atomic_store(&target, stop);
    terminal = isatty(STDERR_FILENO);
    /* no SA_RESTART: a read that waits shall return */
    struct sigaction action = {.sa_handler = handle};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, NULL);
}

void signals_uninstall(void)
{
    atomic_store(&target, NULL);
}
