#include "app/governor.h"

#include <math.h>

/* Loads that are too much, and at most, by expectation, after a step up. */
static const double TOO_MUCH = 1.0, ROOM = 0.85, SMOOTHING = 0.15;
enum {
    /* The first after a change tell nothing: two stylizers paint, then one is freed. */
    SETTLE_FRAMES = 8,
    OVER_US = 700000,
    PATIENCE_US = 3000000,
    PATIENCE_MAX_US = 60000000,
    REGRET_US = 10000000 /* a step up that is taken back sooner was wrong */
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

/* Work at another level, of what it is at this one. */
static double cost(int level, int other)
{
    double ratio = governor_scale(other) / governor_scale(level);
    return ratio * ratio;
}

void governor_set(struct governor *g, int64_t now_us, int level)
{
    bool up = level < g->level;
    if (up)
        g->rose = true;
    else if (g->rose && now_us - g->changed_us < REGRET_US)
        g->patience_us =
            2 * g->patience_us < PATIENCE_MAX_US ? 2 * g->patience_us : PATIENCE_MAX_US;
    if (!up)
        g->rose = false;
    g->level = level;
    g->changed_us = now_us;
    g->frames = 0;
    g->load = 0;
    g->over_us = g->under_us = 0;
}

/* Since when the condition holds. */
static int64_t since(int64_t before, bool holds, int64_t now_us)
{
    return !holds ? 0 : before ? before : now_us;
}

int governor_add(struct governor *g, int64_t now_us, int64_t work_us, int64_t delay_us)
{
    double load = g->frame_us > 0 ? (double)work_us / (double)g->frame_us : 0;
    if (g->delay_us > 0)
        load = fmax(load, (double)delay_us / (double)g->delay_us);
    if (++g->frames <= SETTLE_FRAMES || !governor_active(g))
        return g->level;
    g->load = g->load > 0 ? g->load + SMOOTHING * (load - g->load) : load;
    g->over_us = since(g->over_us, g->load > TOO_MUCH, now_us);
    bool room = g->level > 0 && g->load * cost(g->level, g->level - 1) < ROOM;
    g->under_us = since(g->under_us, room, now_us);
    if (g->over_us && now_us - g->over_us >= OVER_US) {
        int level = g->level;
        while (level < GOVERNOR_LEVELS - 1 && g->load * cost(g->level, level) > ROOM)
            level++;
        return level;
    }
    if (g->under_us && now_us - g->under_us >= g->patience_us)
        return g->level - 1;
    return g->level;
}
