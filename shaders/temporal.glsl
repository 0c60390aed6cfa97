// What the kernels of the temporal stage share.
const int SIDE = 8;  // pixels of a block of temporal_local.comp
const int LOCALS = 2; // vectors a block
