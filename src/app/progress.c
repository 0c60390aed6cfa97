#include "app/progress.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "util/clock.h"
#include "util/log.h"
#include "util/text.h"

void progress_init(struct progress *progress, enum progress_kind kind,
                   const struct media_source_info *input)
{
    *progress = (struct progress){.kind = kind,
                                  .terminal = isatty(STDERR_FILENO),
                                  .total_frames = input->frames,
                                  .total_us = input->duration_us};
    progress_start(progress);
}

void progress_start(struct progress *progress)
{
    progress->start_us = progress->last_us = daub_clock_us();
}

void progress_preparing(const struct progress *progress)
{
    if (progress->kind == PROGRESS_AUTO && progress_interval_ms(progress) > 0)
        daub_log_status("preparing the painter ..");
}

int progress_interval_ms(const struct progress *progress)
{
    if (progress->kind == PROGRESS_JSON)
        return 500;
    bool shown = progress->kind == PROGRESS_AUTO && progress->terminal &&
                 daub_log_get_level() >= DAUB_LOG_INFO;
    return shown ? 200 : -1;
}

/* How much is done, 0..1; negative where it is unknown. */
static double share_of(const struct progress *p, int64_t frames, int64_t time_us)
{
    double share = -1;
    if (p->total_us > 0)
        share = (double)time_us / (double)p->total_us;
    else if (p->total_frames > 0)
        share = (double)frames / (double)p->total_frames;
    return share > 1 ? 1 : share;
}

static void print_json(cJSON *object)
{
    char *text = object ? cJSON_PrintUnformatted(object) : NULL;
    if (text) {
        daub_text_print(stderr, "%s\n", text);
        fflush(stderr);
    }
    cJSON_free(text);
    cJSON_Delete(object);
}

static void add_known(cJSON *object, const char *name, bool known, double value)
{
    if (known)
        cJSON_AddNumberToObject(object, name, value);
    else
        cJSON_AddNullToObject(object, name);
}

static void add_real_time(cJSON *object, const struct session_state *state)
{
    cJSON_AddNumberToObject(object, "dropped", (double)atomic_load(&state->dropped));
    cJSON_AddNumberToObject(object, "delay_ms",
                            (double)atomic_load(&state->delay_us) / 1000);
    cJSON_AddNumberToObject(object, "delay_median_ms", atomic_load(&state->delay_ms[0]));
    cJSON_AddNumberToObject(object, "delay_95_ms", atomic_load(&state->delay_ms[1]));
}

static void update_json(const struct progress *p, int64_t frames, double share,
                        double speed, double eta_s, uint64_t bytes,
                        const struct session_state *realtime)
{
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "event", "progress");
    cJSON_AddNumberToObject(object, "frame", (double)frames);
    add_known(object, "frames", p->total_frames > 0, (double)p->total_frames);
    add_known(object, "percent", share >= 0, share * 100);
    cJSON_AddNumberToObject(object, "fps", p->last_fps);
    cJSON_AddNumberToObject(object, "speed", speed);
    cJSON_AddNumberToObject(object, "bytes", (double)bytes);
    add_known(object, "eta_s", eta_s >= 0, eta_s);
    if (realtime)
        add_real_time(object, realtime);
    print_json(object);
}

static void update_line(const struct progress *p, int64_t frames, double share,
                        double speed, double eta_s, uint64_t bytes)
{
    char total[32] = "", percent[16] = "", eta[48] = "", size[24], clock[24];
    if (p->total_frames > 0)
        snprintf(total, sizeof(total), "/%" PRId64, p->total_frames);
    if (share >= 0)
        snprintf(percent, sizeof(percent), "  %3.0f%%", share * 100);
    if (eta_s >= 0) {
        daub_text_clock(clock, sizeof(clock), eta_s + 0.5);
        snprintf(eta, sizeof(eta), "  ETA %s", clock);
    }
    daub_text_bytes(size, sizeof(size), bytes);
    char line[200];
    snprintf(line, sizeof(line), "frame %" PRId64 "%s%s  %.1f fps  %.2fx  %s%s", frames,
             total, percent, p->last_fps, speed, size, eta);
    if (strlen(line) > 79) /* a line that wraps could not be erased */
        line[79] = '\0';
    daub_log_status(line);
}

void progress_update(struct progress *p, const struct session_state *state, bool realtime,
                     uint64_t bytes)
{
    enum { WINDOW_US = 1000000 };
    int64_t frames = atomic_load(&state->painted), time_us = atomic_load(&state->time_us);
    int64_t now = daub_clock_us();
    double elapsed = (double)(now - p->start_us) / 1e6;
    if (p->last_fps == 0 && elapsed > 0)
        p->last_fps = (double)frames / elapsed;
    if (now - p->last_us > WINDOW_US) {
        double fps = (double)(frames - p->last_frames) * 1e6 / (double)(now - p->last_us);
        p->last_fps = p->last_fps * 0.7 + fps * 0.3;
        p->last_frames = frames;
        p->last_us = now;
    }
    double share = share_of(p, frames, time_us);
    double speed = elapsed > 0 ? (double)time_us / 1e6 / elapsed : 0;
    double eta_s = share > 0 && frames > 1 ? elapsed * (1 - share) / share : -1;
    if (p->kind == PROGRESS_JSON)
        update_json(p, frames, share, speed, eta_s, bytes, realtime ? state : NULL);
    else
        update_line(p, frames, share, speed, eta_s, bytes);
}

void progress_end(struct progress *progress)
{
    if (progress->kind == PROGRESS_AUTO && progress->terminal)
        daub_log_status(NULL);
}

static void done_json(const char *output, const struct media_report *report,
                      double seconds, bool interrupted)
{
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "event", "done");
    cJSON_AddStringToObject(object, "output", output);
    cJSON_AddNumberToObject(object, "frames_in", (double)report->frames_in);
    cJSON_AddNumberToObject(object, "frames_out", (double)report->frames_out);
    add_known(object, "pts_error_us", report->times_known, (double)report->pts_error_us);
    add_known(object, "av_offset_error_us", report->offset_known,
              (double)report->offset_error_us);
    cJSON_AddBoolToObject(object, "read_back", report->read_back);
    cJSON_AddBoolToObject(object, "interrupted", interrupted);
    cJSON_AddNumberToObject(object, "bytes", (double)report->bytes);
    cJSON_AddNumberToObject(object, "seconds", seconds);
    print_json(object);
}

void progress_done(const struct progress *progress, const char *output,
                   const struct media_report *report, bool interrupted)
{
    double seconds = (double)(daub_clock_us() - progress->start_us) / 1e6;
    if (progress->kind == PROGRESS_JSON) {
        done_json(output, report, seconds, interrupted);
        return;
    }
    char times[64] = "", offset[64] = "", size[24], clock[24];
    if (report->times_known)
        snprintf(times, sizeof(times), "; largest pts error %.3f ms",
                 (double)report->pts_error_us / 1e3);
    if (report->offset_known)
        snprintf(offset, sizeof(offset), "; A/V offset error %.3f ms",
                 (double)report->offset_error_us / 1e3);
    daub_text_bytes(size, sizeof(size), report->bytes);
    daub_text_clock(clock, sizeof(clock), seconds + 0.5);
    daub_log(DAUB_LOG_INFO,
             "%s: %" PRId64 " frames in, %" PRId64 " out%s%s; %s in %s (%.1f fps)",
             output, report->frames_in, report->frames_out, times, offset, size, clock,
             seconds > 0 ? (double)report->frames_out / seconds : 0);
}
