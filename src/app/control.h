/* Control of a running session by other programs: a socket of lines of JSON.
 *
 * Each line is an object whose members are applied together or, where one of them is
 * wrong, not at all; each is answered by one line, {"ok": true} or {"ok": false, "error":
 * "..."}. Members: "style" (what -s takes), "boldness", "strength" and "stability" (0 to
 * 1, in hundredths), "colors" ("paint" or "keep"), "bypass" and "pause" (true or
 * false), "record" (true or the name of a file, and false), "picture" (true or the name
 * of a file), "quit" (true), and "status" (true), whose answer contains the look and the
 * timing. Style and boldness fade in within half a second, together with the strength
 * and the stability of the same message. A picture as a style takes some tenths of a
 * second, during which the main thread does nothing else. Files are written before
 * anything else is done, and are kept where a later member fails; answers contain their
 * names. */
#ifndef DAUB_APP_CONTROL_H
#define DAUB_APP_CONTROL_H

#include <poll.h>

#include "app/look.h"
#include "app/recorder.h"
#include "app/session.h"

struct control; /* opaque; use from one thread */

struct control_params {
    const char *path;  /* of the socket */
    struct look *look; /* this and the next four must outlive the control */
    struct pace *pace;
    const struct session_state *state;
    struct recorder *recorder;
    struct daub_stop *stop;
};

/* Makes the socket, for this user alone (mode 0600). NULL with *error. */
struct control *control_open(const struct control_params *params,
                             struct daub_error *error);
void control_close(struct control *control); /* removes it; accepts NULL */

enum { CONTROL_POLLS = 9 };
/* Writes what poll() must wait for, at most CONTROL_POLLS entries; returns how many. */
int control_polls(const struct control *control, struct pollfd *polls);
/* Accepts clients and answers the lines that have arrived; never waits. */
void control_step(struct control *control);

/* Whether the session was asked to end. */
bool control_quit(const struct control *control);

#endif
