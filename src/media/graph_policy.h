/* Which filters a name lavfi:GRAPH may use. */
#ifndef DAUB_MEDIA_GRAPH_POLICY_H
#define DAUB_MEDIA_GRAPH_POLICY_H

#include <stdbool.h>

#include <daub/status.h>

/* Whether no filter of the graph is given the name of a file, a plug-in or an address.
 * false with *error, which names the filter. */
bool media_graph_is_harmless(const char *graph, struct daub_error *error);

#endif
