/* Reads every SPIR-V module of the build and compares its specialization constants,
 * bindings and push constants with shaders/contract.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "gpu/gpu.h"
#include "net/kernel.h"

/* Numbers of the SPIR-V specification, version 1.5, section 3. */
enum {
    HEADER_WORDS = 5,
    OP_CAPABILITY = 17,
    OP_TYPE_INT = 21,
    OP_TYPE_FLOAT = 22,
    OP_TYPE_ARRAY = 28,
    OP_TYPE_STRUCT = 30,
    OP_TYPE_POINTER = 32,
    OP_CONSTANT = 43,
    OP_SPEC_CONSTANT = 50,
    OP_VARIABLE = 59,
    OP_DECORATE = 71,
    OP_MEMBER_DECORATE = 72,
    DECORATION_SPEC_ID = 1,
    DECORATION_BINDING = 33,
    DECORATION_OFFSET = 35,
    STORAGE_PUSH_CONSTANT = 9,
    CAPABILITY_SHADER = 1,
};

enum { IDS_MAX = 8192, MEMBERS_MAX = 32 };

/* What the module's instructions define for each id. */
struct id {
    uint32_t op, type; /* the instruction that makes it; its result type */
    uint32_t words[MEMBERS_MAX];
    uint32_t word_count; /* operands after the result id (and type) */
    bool has_spec, has_binding;
    uint32_t spec, binding;
    uint32_t offset[MEMBERS_MAX]; /* bytes, of a struct's members */
};
static struct id ids[IDS_MAX];

static void read_module(const struct gpu_shader *shader)
{
    memset(ids, 0, sizeof(ids));
    const uint32_t *code = shader->code;
    size_t words = shader->bytes / 4;
    assert_true(words > HEADER_WORDS && code[3] <= IDS_MAX);
    for (size_t at = HEADER_WORDS; at < words; at += code[at] >> 16) {
        const uint32_t *in = &code[at];
        uint32_t op = in[0] & 0xffff, length = in[0] >> 16;
        assert_true(length > 0 && at + length <= words);
        /* Every Vulkan device has it: no kernel needs 16-bit storage, subgroups or other
         * features. */
        assert_true(op != OP_CAPABILITY || in[1] == CAPABILITY_SHADER);
        if (op == OP_DECORATE && in[2] == DECORATION_SPEC_ID) {
            ids[in[1]].has_spec = true;
            ids[in[1]].spec = in[3];
        } else if (op == OP_DECORATE && in[2] == DECORATION_BINDING) {
            ids[in[1]].has_binding = true;
            ids[in[1]].binding = in[3];
        } else if (op == OP_MEMBER_DECORATE && in[3] == DECORATION_OFFSET) {
            assert_true(in[2] < MEMBERS_MAX);
            ids[in[1]].offset[in[2]] = in[4];
        }
        bool typed = op == OP_CONSTANT || op == OP_SPEC_CONSTANT || op == OP_VARIABLE;
        bool type = op == OP_TYPE_INT || op == OP_TYPE_FLOAT || op == OP_TYPE_ARRAY ||
                    op == OP_TYPE_STRUCT || op == OP_TYPE_POINTER;
        if (!typed && !type)
            continue;
        struct id *id = &ids[in[typed ? 2 : 1]];
        id->op = op;
        id->type = typed ? in[1] : 0;
        for (uint32_t k = typed ? 3 : 2; k < length && id->word_count < MEMBERS_MAX; k++)
            id->words[id->word_count++] = in[k];
    }
}

static uint32_t size_of(uint32_t type)
{
    const struct id *id = &ids[type];
    if (id->op == OP_TYPE_ARRAY) /* std430: arrays of scalars have no gaps */
        return size_of(id->words[0]) * ids[id->words[1]].words[0];
    if (id->op == OP_TYPE_STRUCT) {
        uint32_t last = id->word_count - 1;
        return id->offset[last] + size_of(id->words[last]);
    }
    assert_true(id->op == OP_TYPE_INT || id->op == OP_TYPE_FLOAT);
    return id->words[0] / 8;
}

static const struct kernel_constant *constant_of(const struct kernel_info *info,
                                                 uint32_t id)
{
    for (size_t i = 0; i < COMMON_CONSTANT_COUNT; i++) {
        if (kernel_common_constants[i].id == id)
            return &kernel_common_constants[i];
    }
    for (size_t i = 0; i < info->own_count; i++) {
        if (info->own[i].id == id)
            return &info->own[i];
    }
    return NULL;
}

static void compare_constants(const struct gpu_shader *shader,
                              const struct kernel_info *info)
{
    uint64_t seen = 0;
    for (uint32_t i = 0; i < IDS_MAX; i++) {
        if (!ids[i].has_spec)
            continue;
        const struct kernel_constant *constant = constant_of(info, ids[i].spec);
        if (!constant)
            fail_msg("%s has a constant %u that the contract of %s lacks", shader->name,
                     ids[i].spec, info->name);
        bool is_float = ids[ids[i].type].op == OP_TYPE_FLOAT;
        if (is_float != constant->is_float)
            fail_msg("%s: constant %s has another type in the contract", shader->name,
                     constant->name);
        seen |= UINT64_C(1) << ids[i].spec;
    }
    for (size_t i = 0; i < info->own_count; i++) {
        if (!(seen >> info->own[i].id & 1))
            fail_msg("%s lacks constant %s of the contract", shader->name,
                     info->own[i].name);
    }
}

static void compare_bindings(const struct gpu_shader *shader,
                             const struct kernel_info *info)
{
    for (uint32_t i = 0; i < IDS_MAX; i++) {
        if (ids[i].has_binding && !(info->slots >> ids[i].binding & 1))
            fail_msg("%s has a binding %u that the contract of %s lacks", shader->name,
                     ids[i].binding, info->name);
    }
}

static void compare_push(const struct gpu_shader *shader, const struct kernel_info *info)
{
    uint32_t bytes = 0;
    for (uint32_t i = 0; i < IDS_MAX; i++) {
        if (ids[i].op == OP_VARIABLE && ids[i].words[0] == STORAGE_PUSH_CONSTANT)
            bytes = size_of(ids[ids[i].type].words[1]);
    }
    if (bytes != info->push_bytes)
        fail_msg("%s has %u bytes of push constants, the contract of %s %u", shader->name,
                 bytes, info->name, info->push_bytes);
}

/* Whether the module is one of the kernel's. */
static bool is_module_of(const struct gpu_shader *shader, enum kernel kernel)
{
    const struct kernel_info *info = kernel_info(kernel);
    size_t length = strlen(info->name);
    return strncmp(shader->name, info->name, length) == 0 &&
           (strcmp(shader->name + length, "_fp32") == 0 ||
            strcmp(shader->name + length, "_fp16") == 0);
}

static void test_modules(void **state)
{
    (void)state;
    size_t modules[KERNEL_COUNT] = {0};
    for (size_t i = 0; i < gpu_shader_count; i++) {
        const struct gpu_shader *shader = &gpu_shaders[i];
        int kernel = KERNEL_NONE + 1;
        while (kernel < KERNEL_COUNT && !is_module_of(shader, (enum kernel)kernel))
            kernel++;
        if (kernel == KERNEL_COUNT)
            fail_msg("no kernel in the contract has the module %s", shader->name);
        modules[kernel]++;
        read_module(shader);
        compare_constants(shader, kernel_info((enum kernel)kernel));
        compare_bindings(shader, kernel_info((enum kernel)kernel));
        compare_push(shader, kernel_info((enum kernel)kernel));
    }
    for (int kernel = KERNEL_NONE + 1; kernel < KERNEL_COUNT; kernel++) {
        bool has_shader = kernel != KERNEL_CONV_HOST && kernel != KERNEL_WINOGRAD;
        if (has_shader != (modules[kernel] > 0))
            fail_msg("kernel %s has %zu modules", kernel_info((enum kernel)kernel)->name,
                     modules[kernel]);
    }
}

/* Values are passed as an array indexed by id, so ids must follow the structs. */
static void test_ids(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < COMMON_CONSTANT_COUNT; i++)
        assert_int_equal(kernel_common_constants[i].id, i);
    for (int kernel = KERNEL_NONE + 1; kernel < KERNEL_COUNT; kernel++) {
        const struct kernel_info *info = kernel_info((enum kernel)kernel);
        for (size_t i = 0; i < info->own_count; i++) {
            if (info->own[i].id != COMMON_CONSTANT_COUNT + i)
                fail_msg("constant %s of %s has the wrong id", info->own[i].name,
                         info->name);
        }
        assert_int_equal(info->constants, COMMON_CONSTANT_COUNT + info->own_count);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_modules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
