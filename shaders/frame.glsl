// 32-bit words of a frame's planes. Samples have 8 or 16 bits.
#define WORDS_OUT(b, name) layout(set = 0, binding = b, std430) writeonly buffer B_##name { uint data[]; } name
#define STORE_WORD(name, i, v) name.data[i] = v
#define WORDS_IN(b, name) layout(set = 0, binding = b, std430) readonly buffer B_##name { uint data[]; } name
#define LOAD_WORD(name, i) name.data[i]
