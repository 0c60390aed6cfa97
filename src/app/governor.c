#include "app/governor.h"

#include <math.h>

static const double LOAD_MAX = 1.0, /* above it, a smaller size is needed */
    LOAD_AFTER_CHANGE = 0.85,       /* the load expected after a change is at most this */
    SMOOTHING = 0.15;               /* weight of a frame in the smoothed load */
enum {
    SETTLE_FRAMES = 8, /* not counted after a change: two stylizers paint some of them */
    OVER_US = 700000,
    PATIENCE_US = 3000000,
    PATIENCE_MAX_US = 60000000,
    REGRET_US = 10000000 /* a larger size that is left sooner was too slow */
};

void governor_init(struct governor *g, double target_fps, double source_fps,
                   double max_latency_ms)
{
    *g = (struct governor){.patience_us = PATIENCE_US};
    if (target_fps > 0 && source_fps > 0)
        target_fps = fmin(target_fps, source_fps);
    g->frame_us = target_fps > 0 ? (int64_t)(1e6 / target_fps) : 0;
    g->delay_us = (int64_t)(max_latency_ms * 1000);
}

bool governor_active(const struct governor *g)
{
    return g->frame_us > 0 || g->delay_us > 0;
}

double governor_scale(int level)
{
    return exp2(-level / 4.0);
}

/* The work at another level, relative to the work at this one. */
static double relative_work(int level, int other)
{
    double ratio = governor_scale(other) / governor_scale(level);
    return ratio * ratio;
}

void governor_set(struct governor *g, int64_t now_us, int level)
{
    bool up = level < g->level;
    if (up)
        g->last_was_up = true;
    else if (g->last_was_up && now_us - g->changed_us < REGRET_US)
        g->patience_us =
            2 * g->patience_us < PATIENCE_MAX_US ? 2 * g->patience_us : PATIENCE_MAX_US;
    if (!up)
        g->last_was_up = false;
    g->level = level;
    g->changed_us = now_us;
    g->frames = 0;
    g->load = 0;
    g->over_us = g->under_us = 0;
}

/* The clock time since which a condition holds; 0 where it does not hold. */
static int64_t since(int64_t start_us, bool holds, int64_t now_us)
{
    return !holds ? 0 : start_us ? start_us : now_us;
}

int governor_add(struct governor *g, int64_t now_us, int64_t work_us, int64_t delay_us)
{
    double load = g->frame_us > 0 ? (double)work_us / (double)g->frame_us : 0;
    if (g->delay_us > 0)
        load = fmax(load, (double)delay_us / (double)g->delay_us);
    if (++g->frames <= SETTLE_FRAMES || !governor_active(g))
        return g->level;
    g->load = g->load > 0 ? g->load + SMOOTHING * (load - g->load) : load;
    g->over_us = since(g->over_us, g->load > LOAD_MAX, now_us);
    bool room = g->level > 0 &&
                g->load * relative_work(g->level, g->level - 1) < LOAD_AFTER_CHANGE;
    g->under_us = since(g->under_us, room, now_us);
    if (g->over_us && now_us - g->over_us >= OVER_US) {
        int level = g->level;
        while (level < GOVERNOR_LEVELS - 1 &&
               g->load * relative_work(g->level, level) > LOAD_AFTER_CHANGE)
            level++;
        return level;
    }
    if (g->under_us && now_us - g->under_us >= g->patience_us)
        return g->level - 1;
    return g->level;
}
