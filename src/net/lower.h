/* Lowering: from a graph to the plan that a device runs. */
#ifndef DAUB_NET_LOWER_H
#define DAUB_NET_LOWER_H

#include "net/plan.h"

/* Plans the graph (after net_passes_run). *plan is initialised here and freed by the
 * caller in either case. False with *error set where no kernel can run a node or a
 * tensor exceeds the device's limits. */
bool net_lower(struct plan *plan, const struct net_graph *graph,
               const struct plan_caps *caps, const struct plan_range *range,
               struct daub_error *error);

#endif
