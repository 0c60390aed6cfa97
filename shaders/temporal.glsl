// The blocks of temporal_blocks.comp.
const int SIDE = 8;            // pixels of a side
const int BLOCK_VECTORS = 2;
