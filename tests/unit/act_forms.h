/* The functions of src/host/act.h as test_act calls them: act_forms.c is compiled once
 * for each instruction set, with the options of src/host. */
#ifndef DAUB_TESTS_ACT_FORMS_H
#define DAUB_TESTS_ACT_FORMS_H

/* function: one of enum net_act or of these. */
enum { ACT_FORM_EXP = 100, ACT_FORM_LOG };

struct act_form {
    int (*lanes)(void); /* floats of a vec */
    /* y = function(x): of a vec, of a vec4. */
    void (*wide)(int function, float alpha, float beta, float slope, const float *x,
                 float *y);
    void (*four)(int function, float alpha, float beta, float slope, const float *x,
                 float *y);
};

#endif
