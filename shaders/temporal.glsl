// What the kernels of the temporal stage share.
const int SIDE = 16; // pixels of a block of temporal_local.comp
const int LOCALS = 3; // vectors a block
