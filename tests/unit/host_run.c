#include "host_run.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "util/hash.h"

enum { ALIGN = 64, GUARD = 256, GUARD_BYTE = 0xa5, NO_NUMBER = 0xff };

static void *guarded(size_t bytes)
{
    size_t all = (bytes + GUARD + ALIGN - 1) / ALIGN * ALIGN;
    unsigned char *memory = aligned_alloc(ALIGN, all);
    assert_non_null(memory);
    memset(memory, NO_NUMBER, bytes);
    memset(memory + bytes, GUARD_BYTE, GUARD);
    return memory;
}

static void free_guarded(void *memory, size_t bytes, const char *what)
{
    const unsigned char *guard = (unsigned char *)memory + bytes;
    for (int i = 0; i < GUARD; i++) {
        if (guard[i] != GUARD_BYTE)
            fail_msg("%s was written %d bytes beyond its end", what, i);
    }
    free(memory);
}

void host_slot_set(struct host_call *call, int slot, const void *data, size_t bytes)
{
    call->slot[slot] = guarded(bytes);
    call->bytes[slot] = bytes;
    if (data)
        memcpy(call->slot[slot], data, bytes);
}

void host_slots_free(struct host_call *call)
{
    for (int i = 0; i < SLOT_COUNT; i++) {
        char what[32];
        snprintf(what, sizeof(what), "slot %d", i);
        if (call->slot[i])
            free_guarded(call->slot[i], call->bytes[i], what);
        call->slot[i] = NULL;
    }
}

void host_run(const struct host_isa *isa, const struct host_call *call, bool reversed)
{
    const struct host_kernel *kernel = isa->kernels[call->kernel];
    if (!kernel)
        fail_msg("%s has no kernel %s", isa->name, kernel_info(call->kernel)->name);
    for (int i = FIRST_OUTPUT_SLOT; i < SLOT_COUNT; i++) {
        if (call->slot[i])
            memset(call->slot[i], NO_NUMBER, call->bytes[i]);
    }
    size_t scratch_bytes = kernel->scratch ? kernel->scratch(call) : 0;
    struct host_work work = kernel->work(call);
    int units = host_part_units(work), parts = (work.units + units - 1) / units;
    void *scratch = guarded(scratch_bytes);
    for (int i = 0; i < parts; i++) {
        int first = (reversed ? parts - 1 - i : i) * units;
        int end = work.units - first < units ? work.units : first + units;
        memset(scratch, NO_NUMBER, scratch_bytes);
        kernel->run(call, first, end, scratch);
    }
    free_guarded(scratch, scratch_bytes, "scratch memory");
}

void host_record_bits(const char *name, const void *data, size_t bytes)
{
    const char *path = getenv("DAUB_TEST_BITS");
    if (!path)
        return;
    FILE *file = fopen(path, "a");
    if (!file ||
        fprintf(file, "%s: %016" PRIx64 "\n", name, daub_hash(data, bytes)) < 0 ||
        fclose(file) != 0)
        fail_msg("%s was not written", path);
}

static bool is_fused(const struct host_isa *isa)
{
    return strcmp(isa->name, "generic") != 0;
}

void host_run_all(const struct host_call *call, const char *name,
                  void (*check)(const struct host_call *call, const char *name,
                                void *user),
                  void *user)
{
    void *first[SLOT_COUNT] = {NULL};
    for (int i = 0; host_isa_at(i); i++) {
        const struct host_isa *isa = host_isa_choose(host_isa_at(i)->name);
        for (int reversed = 0; isa && reversed < 2; reversed++) {
            char run[128];
            snprintf(run, sizeof(run), "%s, %s%s", name, isa->name,
                     reversed ? ", last part first" : "");
            host_run(isa, call, reversed);
            check(call, run, user);
            for (int s = FIRST_OUTPUT_SLOT; is_fused(isa) && s < SLOT_COUNT; s++) {
                if (!call->slot[s])
                    continue;
                if (!first[s]) {
                    first[s] = malloc(call->bytes[s]);
                    assert_non_null(first[s]);
                    memcpy(first[s], call->slot[s], call->bytes[s]);
                } else if (memcmp(first[s], call->slot[s], call->bytes[s]) != 0) {
                    fail_msg("%s: slot %d has other bits", run, s);
                }
            }
        }
    }
    for (int s = 0; s < SLOT_COUNT; s++) {
        if (first[s])
            host_record_bits(name, first[s], call->bytes[s]);
        free(first[s]);
    }
}
