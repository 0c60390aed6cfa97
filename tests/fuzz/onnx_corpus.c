/* Writes one small ONNX file for each operator form into a folder: seeds for the fuzzer.
 *
 * Usage: onnx_corpus FOLDER */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "onnx_forms.h"
#include "onnx_make.h"

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    for (size_t i = 0; i < 2 * onnx_form_count; i++) {
        char text[2048], path[4096];
        size_t size;
        snprintf(text, sizeof(text), "in x 1,3,%s; out y; %s", i & 1 ? "h,w" : "8,8",
                 onnx_forms[i / 2].text);
        Onnx__ModelProto *model = onnx_make(text);
        unsigned char *bytes = onnx_make_bytes(model, &size);
        onnx_make_free(model);
        snprintf(path, sizeof(path), "%s/form_%03zu.onnx", argv[1], i);
        FILE *file = fopen(path, "wb");
        bool written = file && fwrite(bytes, 1, size, file) == size;
        if (!file || fclose(file) || !written) {
            fprintf(stderr, "cannot write %s\n", path);
            return 1;
        }
        free(bytes);
    }
    return 0;
}
