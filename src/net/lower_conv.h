/* Shared by the files that lower convolutions. */
#ifndef DAUB_NET_LOWER_CONV_H
#define DAUB_NET_LOWER_CONV_H

#include "net/lower_internal.h"

/* A convolution as the kernels compute it, or its four phases. Weights: [phase][O][I][kh]
 * [kw]. */
struct conv {
    const struct net_node *node;
    struct plan_view in;
    const struct plan_tensor *from;            /* valid until plan_add_map */
    int out;                                   /* tensor */
    int in_h, in_w, in_c, out_h, out_w, out_c; /* out: of one phase */
    int kernel[2], stride[2], dilation[2], top, left;
    int group, up, phases;
    enum net_pad_mode pad_mode;
    enum net_act act;
    float alpha, beta;
    float *weight;      /* owned */
    float *bias;        /* out_c floats, owned */
    const float *slope; /* PRELU: per channel or NULL */
    int64_t slope_count;
};

/* Blocks of four channels. */
int conv_blocks(int channels);
/* Weight of a phase, output, input of its group and tap; zero outside. */
float conv_weight(const struct conv *conv, int phase, int o, int i, int ky, int kx);
/* A step of the kernel that writes the convolution's output with its activation. */
struct plan_step *conv_start_step(struct lowering *low, const struct conv *conv,
                                  enum kernel kernel, struct daub_error *error);
/* The same with the convolution's input, packed weights and bias. */
struct plan_step *conv_start_dense(struct lowering *low, const struct conv *conv,
                                   enum kernel kernel, const float *packed, size_t count,
                                   struct daub_error *error);
/* Sets constants and push constants of the dense kernels. groups: work-groups over
 * output channels. */
void conv_set_dense(const struct conv *conv, struct plan_step *step, int groups);
bool conv_bind_weights(struct lowering *low, struct plan_step *step, const float *packed,
                       size_t count, struct daub_error *error);
/* The bias buffer: blocks of bias, then blocks of slopes. */
bool conv_bind_bias(struct lowering *low, struct plan_step *step, const struct conv *conv,
                    struct daub_error *error);
/* Notes that the last step can write statistics, in that many tiles. */
bool conv_has_stats(struct lowering *low, const struct conv *conv, uint32_t tiles,
                    struct daub_error *error);

/* Whether the C kernel of Winograd's method can run this convolution and is faster. */
bool winograd_fits(const struct lowering *low, const struct conv *conv);
bool emit_winograd(struct lowering *low, const struct conv *conv,
                   struct daub_error *error);
/* The C kernel for processors: any convolution that is not transposed. */
bool emit_host(struct lowering *low, const struct conv *conv, struct daub_error *error);

#endif
