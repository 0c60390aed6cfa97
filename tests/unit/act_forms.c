/* src/host/act.h for one instruction set; see act_forms.h. */
#include "act_forms.h"

#include "host/act.h"

static int lanes(void)
{
    return VEC_FLOATS;
}

static void wide(int function, float alpha, float beta, float slope, const float *x,
                 float *y)
{
    vec v = *(const vec *)x;
    if (function == ACT_FORM_EXP)
        v = vec_exp(v);
    else if (function == ACT_FORM_LOG)
        v = vec_log(v);
    else
        v = vec_activate((enum net_act)function, alpha, beta, vec_all(slope), v);
    *(vec *)y = v;
}

static void four(int function, float alpha, float beta, float slope, const float *x,
                 float *y)
{
    vec4 v = *(const vec4 *)x;
    if (function == ACT_FORM_EXP)
        v = vec4_exp(v);
    else if (function == ACT_FORM_LOG)
        v = vec4_log(v);
    else
        v = vec4_activate((enum net_act)function, alpha, beta, vec4_all(slope), v);
    *(vec4 *)y = v;
}

extern const struct act_form HOST(act_form);
const struct act_form HOST(act_form) = {lanes, wide, four};
