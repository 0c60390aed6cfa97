/* FFmpeg's own messages. */
#ifndef DAUB_MEDIA_AVLOG_H
#define DAUB_MEDIA_AVLOG_H

/* Sends FFmpeg's log to daub's: what the libraries complain about appears from the level
 * "verbose" on. Call once before any other call of this folder. */
void media_log_init(void);

/* Words for an AVERROR code. The buffer is the calling thread's, until the next call. */
const char *media_error_text(int code);

/* The last line an FFmpeg library logged as an error in this thread since
 * media_log_forget, often the true cause behind "Invalid argument"; the text of code
 * where there was none. */
const char *media_error_cause(int code);
void media_log_forget(void);

#endif
