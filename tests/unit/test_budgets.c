/* Models that are made to take long or much memory are refused, or ready to paint, within
 * five seconds of processor time and a gigabyte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <daub/daub.h>

#include "onnx_make.h"

#ifndef UNTIMED /* for builds with sanitizers, and emulated ones */
#define UNTIMED 0
#endif

enum { SECONDS_MAX = 5, MEGABYTES_MAX = 1024, LONG = 10000, ACCEPTED = 3900 };

/* head; part, count times; tail. In part '<' is the value before, ')' the one that it
 * makes, '#' its number; in tail '<' is the last value. */
struct model {
    const char *name, *head, *part;
    int count; /* of parts */
    const char *tail;
};

#define HEAD "opset 17; in x 1,3,h,w; "
#define TAIL "Relu < > y; out y 1,3,h,w"
#define W3   "f w 3,3,3,3 =0.03; "
#define W1   "f w 3,3,1,1 =0.3; "
#define CONV "Conv <,w > ) pads=1,1,1,1; "
#define DOWN "Conv <,w > ) pads=1,1,1,1 strides=2,2; "
#define UP(from, to)                                                                     \
    "ConvTranspose " from ",w > " to " pads=1,1,1,1 strides=2,2 output_padding=1,1; "

static const struct model models[] = {
    {"many nodes", HEAD, "Relu < > ); ", LONG, TAIL},
    {"many constants", HEAD "f v0 1 =1; ", "Add <,v0 > ); ", LONG,
     "Mul x,< > y; out y 1,3,h,w"},
    {"activations", HEAD, "Sigmoid < > ); ", ACCEPTED, TAIL},
    {"convolutions", HEAD W3, CONV, ACCEPTED, TAIL},
    {"sums of one operand", HEAD, "Add <,x > ); ", ACCEPTED, TAIL},
    {"residual blocks", HEAD "f w 3,3,3,3 =0; ",
     "Conv <,w > c# pads=1,1,1,1; Add c#,< > ); ", ACCEPTED / 2, TAIL},
    {"padded convolutions", HEAD W3 "i p 0,0,1,1,0,0,1,1; ",
     "Pad <,p > p# mode=reflect; Conv p#,w > ); ", ACCEPTED / 2, TAIL},
    {"normalizations in steps", HEAD "f e 1 =0.1; ",
     "ReduceMean < > m# axes=2,3; Sub <,m# > d#; Mul d#,d# > q#; ReduceMean q# > r# "
     "axes=2,3; Add r#,e > a#; Sqrt a# > s#; Div d#,s# > ); ",
     ACCEPTED / 8, TAIL},
    {"upsampling", HEAD W3 "f s 4 1,1,2,2; ",
     "Resize <,_,s > u# mode=nearest coordinate_transformation_mode=asymmetric "
     "nearest_mode=floor; Conv u#,w > c# pads=1,1,1,1; "
     "AveragePool c# > ) kernel_shape=2,2 strides=2,2; ",
     ACCEPTED / 3, TAIL},
    {"one value of many readers", HEAD W1 "f v0 1 =0; ", "Conv x,w > c#; Add <,c# > ); ",
     ACCEPTED / 2, TAIL},
    {"doubled channels", HEAD, "Concat <,< > ) axis=1; ", 14,
     "Slice <,a,e,k > y; i a 0,; i e 3,; i k 1,; out y 1,3,h,w"},
    {"a wide border",
     HEAD "i p 0,0,9000,9000,0,0,9000,9000; i q "
          "0,0,-9000,-9000,0,0,-9000,-9000; Pad x,p > v0; ",
     "", 0, "Pad <,q > y; out y 1,3,h,w"},
    {"computed weights",
     HEAD "i d 65000,3,1,1; ConstantOfShape d > w; Conv x,w > t; Relu t "
          "> v0; ",
     "", 0, "Slice <,a,e,k > y; i a 0,; i e 3,; i k 1,; out y 1,3,h,w"},
    {"wide convolutions",
     HEAD "f i 1024,3,1,1 =0.001; f w 1024,1024,3,3 =0.0001; f o "
          "3,1024,1,1 =0.001; Conv x,i > v0; ",
     CONV, 3, "Conv <,o > y; out y 1,3,h,w"},
    {"the search of the alignment",
     HEAD W3 "i d 32,32,32,32; ConstantOfShape d > c0; "
             "f z 1 =0; Transpose c0 > c1 perm=3,2,1,0; Transpose c1 > c2 perm=3,2,1,0; "
             "Transpose c2 > c3 perm=3,2,1,0; Transpose c3 > c4 perm=3,2,1,0; "
             "ReduceMean c4 > m keepdims=0; Mul m,z > n; Add x,n > v0; ",
     DOWN, 6,
     UP("<", "u1") UP("u1", "u2") UP("u2", "u3") UP("u3", "u4") UP("u4", "u5")
         UP("u5", "y") "out y 1,3,h,w"},
};

/* Appends the text with its marks replaced; i: the number of the value before. */
static char *expand(char *to, const char *text, int i)
{
    for (; *text; text++) {
        if (*text == '<')
            to += i < 0 ? sprintf(to, "x") : sprintf(to, "v%d", i);
        else if (*text == ')')
            to += sprintf(to, "v%d", i + 1);
        else if (*text == '#')
            to += sprintf(to, "%d", i + 1);
        else
            *to++ = *text;
    }
    *to = '\0';
    return to;
}

static unsigned char *make(const struct model *model, size_t *size)
{
    size_t room = strlen(model->head) + strlen(model->tail) + 64 +
                  (size_t)model->count * (strlen(model->part) + 64);
    char *text = malloc(room), *to = text;
    assert_non_null(text);
    /* the head may make the first value */
    int first = strstr(model->head, "v0") ? 0 : -1;
    to = expand(to, model->head, first);
    for (int i = 0; i < model->count; i++)
        to = expand(to, model->part, first + i);
    expand(to, model->tail, first + model->count);
    Onnx__ModelProto *proto = onnx_make(text);
    unsigned char *bytes = onnx_make_bytes(proto, size);
    onnx_make_free(proto);
    free(text);
    return bytes;
}

/* Loads the model and makes a stylizer for small pictures. Returns the status. */
static int load(const unsigned char *bytes, size_t size, const char *name)
{
    struct daub_error error = {0};
    struct daub_device_params device_params = {.select = "processor", .cache_path = ""};
    struct daub_stylizer_params params = {
        .in_width = 64, .in_height = 48, .in = {.pixel = DAUB_PIXEL_YUV420P}};
    struct daub_device *device = NULL;
    struct daub_model *model = NULL;
    struct daub_stylizer *stylizer = NULL;
    if (daub_model_load_memory(bytes, size, name, 0, &model, &error) == DAUB_OK &&
        daub_device_open(&device_params, &device, &error) == DAUB_OK)
        daub_stylizer_create(device, model, &params, &stylizer, &error);
    fprintf(stderr, "%s: %s\n", name, error.status ? error.message : "ready");
    daub_stylizer_free(stylizer);
    daub_device_close(device);
    daub_model_free(model);
    return (int)error.status;
}

/* In a process of its own, whose use of processor and memory the system counts. */
static bool holds(const struct model *model)
{
    size_t size;
    unsigned char *bytes = make(model, &size);
    pid_t child = fork();
    if (child == 0)
        _exit(load(bytes, size, model->name) & 0x7f);
    struct rusage usage;
    int status = 0;
    free(bytes);
    assert_true(child > 0 && wait4(child, &status, 0, &usage) == child);
    double seconds = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                     (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    fprintf(stderr, "    %.2f s, %ld MB\n", seconds, usage.ru_maxrss / 1024);
    bool quick =
        UNTIMED || (seconds <= SECONDS_MAX && usage.ru_maxrss / 1024 <= MEGABYTES_MAX);
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return quick &&
           (code == DAUB_OK || code == DAUB_ERROR_MODEL || code == DAUB_ERROR_MEMORY);
}

static void test_budgets(void **state)
{
    (void)state;
    int wrong = 0;
    for (size_t i = 0; i < sizeof(models) / sizeof(models[0]); i++)
        wrong += !holds(&models[i]);
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_budgets)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
