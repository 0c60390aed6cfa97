/* FFmpeg's log messages. */
#ifndef DAUB_MEDIA_AVLOG_H
#define DAUB_MEDIA_AVLOG_H

/* Sends FFmpeg's messages to daub's log; its warnings and errors are shown from the level
 * "verbose" on. Limits what FFmpeg allocates at once. Call this once, before any other
 * function of media/. */
void media_log_init(void);

/* The text of an AVERROR code, in a buffer of the calling thread, valid until the next
 * call.
 */
const char *media_error_text(int code);

/* The last line an FFmpeg library logged as an error in this thread since
 * media_log_forget, often the true cause behind "Invalid argument"; the text of code
 * where there was none. */
const char *media_error_cause(int code);
void media_log_forget(void);

#endif
