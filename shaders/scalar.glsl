// Maps of single 32-bit floats.
#define SCALARS_OUT(b, name) layout(set = 0, binding = b, std430) writeonly buffer B_##name { float data[]; } name
#define STORE_SCALAR(name, i, v) name.data[i] = v
#define SCALARS_IN(b, name) layout(set = 0, binding = b, std430) readonly buffer B_##name { float data[]; } name
#define LOAD_SCALAR(name, i) name.data[i]
