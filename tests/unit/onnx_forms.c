#include "onnx_forms.h"

#include <stddef.h>

/* The dumps were checked by hand against the operators' definitions. */
const struct onnx_form onnx_forms[] = {
    {"opset 13; f s 1 =0.5; i t 1,3,8,8; QuantizeLinear x,s > q; Reshape q,t > r; "
     "DequantizeLinear r,s > y",
     "%4\n"
     "%2 [1,3,8,8] = binary div %0 const[]\n"
     "%3 [1,3,8,8] = act quantize 0 255 %2\n"
     "%4 [1,3,8,8] = binary mul %3 const[]\n"},
    {"opset 13; in z 1,3,8,8; GlobalAveragePool z > m; Relu m > r; Mul x,m > a; Add a,r "
     "> y",
     "%7\n"
     "%1 [1,6] = input style (style)\n"
     "%2 [1,3] = slice start 0,0 step 1,1 %1 (style)\n"
     "%3 [1,3,1,1] = reshape %2 (style)\n"
     "%4 [1,3] = slice start 0,3 step 1,1 %1 (style)\n"
     "%5 [1,3,1,1] = reshape %4 (style)\n"
     "%6 [1,3,8,8] = binary mul %0 %3\n"
     "%7 [1,3,8,8] = binary add %6 %5\n"},
    {"opset 28; meta image_scale 0.5; meta red_bias -1; Relu x > y",
     "%5\n"
     "%2 [1,3,8,8] = binary mul %0 const[]\n"
     "%4 [1,3,8,8] = binary add %2 const[1,3,1,1]\n"
     "%5 [1,3,8,8] = act relu %4\n"},
    {"opset 13; meta is_bgr true; Relu x > y",
     "%3\n"
     "%1 [1,3,8,8] = slice start 0,2,0,0 step 1,-1,1,1 %0\n"
     "%2 [1,3,8,8] = act relu %1\n"
     "%3 [1,3,8,8] = slice start 0,2,0,0 step 1,-1,1,1 %2\n"},
    {"opset 28; SpaceToDepth x > a blocksize=2 mode=CRD; DepthToSpace a > y blocksize=2",
     "%2\n"
     "%1 [1,12,4,4] = space_to_depth 2 crd %0\n"
     "%2 [1,3,8,8] = depth_to_space 2 dcr %1\n"},
    {"opset 27; SpaceToDepth x > a blocksize=2; DepthToSpace a > y blocksize=2",
     "%2\n"
     "%1 [1,12,4,4] = space_to_depth 2 dcr %0\n"
     "%2 [1,3,8,8] = depth_to_space 2 dcr %1\n"},
    {"opset 9; f w 3,3,3,3 r1; f b 3 r2; Conv x,w,b > y kernel_shape=3,3 "
     "pads=1,1,1,1",
     "%3\n"
     "%3 [1,3,8,8] = conv kernel 3x3 pad 1,1,1,1 %0 const[3,3,3,3] const[3]\n"},
    {"opset 11; f w 3,1,3,2 r1; Conv x,w > y group=3 dilations=2,1 "
     "pads=2,0,2,1",
     "%2\n"
     "%2 [1,3,8,8] = conv kernel 3x2 dilation 2x1 pad 2,0,2,1 group 3 %0 const[3,1,3,2] "
     "-\n"},
    {"opset 9; f w 3,3,4,4 r1; Conv x,w > y auto_pad=SAME_UPPER",
     "%2\n"
     "%2 [1,3,8,8] = conv kernel 4x4 pad 1,1,2,2 %0 const[3,3,4,4] -\n"},
    {"opset 17; f w 3,3,4,4 r1; Conv x,w > y auto_pad=SAME_LOWER",
     "%2\n"
     "%2 [1,3,8,8] = conv kernel 4x4 pad 2,2,1,1 %0 const[3,3,4,4] -\n"},
    {"opset 9; f w 3,3,2,2 r1; Conv x,w > y auto_pad=",
     "%2\n"
     "%2 [1,3,7,7] = conv kernel 2x2 %0 const[3,3,2,2] -\n"},
    {"opset 9; f w 3,3,2,2 r1; Conv x,w > y auto_pad=VALID pads=1,1,1,1",
     "%2\n"
     "%2 [1,3,7,7] = conv kernel 2x2 %0 const[3,3,2,2] -\n"},
    {"opset 11; f w 6,3,3,3 r1; f v 6,3,3,3 r2; Conv x,w > a strides=2,2 "
     "pads=1,1,1,1; ConvTranspose a,v > y strides=2,2 pads=1,1,1,1 "
     "output_padding=1,1",
     "%4\n"
     "%2 [1,6,4,4] = conv kernel 3x3 stride 2x2 pad 1,1,1,1 %0 const[6,3,3,3] -\n"
     "%4 [1,3,8,8] = conv_transpose kernel 3x3 stride 2x2 pad 1,1,1,1 output_padding 1,1 "
     "group 1 %2 const[6,3,3,3] -\n"},
    {"opset 9; f w 6,3,3,3 r1; f v 6,3,4,4 r2; Conv x,w > a strides=2,2 "
     "pads=1,1,1,1; ConvTranspose a,v > y strides=2,2 output_shape=9,9",
     "%4\n"
     "%2 [1,6,4,4] = conv kernel 3x3 stride 2x2 pad 1,1,1,1 %0 const[6,3,3,3] -\n"
     "%4 [1,3,9,9] = conv_transpose kernel 4x4 stride 2x2 pad 1,1,0,0 output_padding 0,0 "
     "group 1 %2 const[6,3,4,4] -\n"},
    {"opset 9; f w 6,3,3,3 r1; f v 6,3,2,2 r2; Conv x,w > a strides=2,2 "
     "pads=1,1,1,1; ConvTranspose a,v > y strides=2,2 output_shape=9,9",
     "%4\n"
     "%2 [1,6,4,4] = conv kernel 3x3 stride 2x2 pad 1,1,1,1 %0 const[6,3,3,3] -\n"
     "%4 [1,3,9,9] = conv_transpose kernel 2x2 stride 2x2 output_padding 1,1 group 1 %2 "
     "const[6,3,2,2] -\n"},
    {"opset 17; f w 6,3,3,3 r1; f v 6,3,3,3 r2; Conv x,w > a strides=2,2 "
     "auto_pad=SAME_UPPER; ConvTranspose a,v > y strides=2,2 "
     "auto_pad=SAME_UPPER",
     "%4\n"
     "%2 [1,6,4,4] = conv kernel 3x3 stride 2x2 pad 0,0,1,1 %0 const[6,3,3,3] -\n"
     "%4 [1,3,8,8] = conv_transpose kernel 3x3 stride 2x2 pad 0,0,1,1 output_padding 0,0 "
     "group 1 %2 const[6,3,3,3] -\n"},
    {"opset 9; f g 3 r1; f s 3 r2; InstanceNormalization x,g,s > y "
     "epsilon=0.01",
     "%3\n"
     "%3 [1,3,8,8] = norm groups 3 epsilon 0.01 %0 const[3] const[3]\n"},
    {"opset 9; f g 3 =2; f s 3 =1; f m 3 =3; f v 3 =4; BatchNormalization "
     "x,g,s,m,v > y,om,ov,sm,sv epsilon=0.0",
     "%4\n"
     "%3 [1,3,8,8] = binary mul %0 const[1,3,1,1]\n"
     "%4 [1,3,8,8] = binary add %3 const[1,3,1,1]\n"},
    {"opset 15; f g 3 =2; f s 3 =1; f m 3 =3; f v 3 =4; BatchNormalization "
     "x,g,s,m,v > y training_mode=1",
     "%3\n"
     "%3 [1,3,8,8] = norm groups 3 epsilon 1e-05 %0 const[3] const[3]\n"},
    {"opset 17; f g 3,8,8 =2; f s 3,1,1 r1; LayerNormalization x,g,s > y "
     "axis=1",
     "%3\n"
     "%3 [1,3,8,8] = norm groups 1 epsilon 1e-05 %0 const[3,1,1] const[3,1,1]\n"},
    {"opset 17; f g 3,8,8 r1; LayerNormalization x,g > y axis=-3 epsilon=0.5",
     "%3\n"
     "%1 [1,3,8,8] = norm groups 1 epsilon 0.5 %0 - -\n"
     "%3 [1,3,8,8] = binary mul %1 const[3,8,8]\n"},
    {"opset 9; LeakyRelu x > a; Elu a > b; Tanh b > c; Sigmoid c > d; "
     "HardSigmoid d > e; Relu e > y",
     "%6\n"
     "%1 [1,3,8,8] = act leaky_relu 0.01 %0\n"
     "%2 [1,3,8,8] = act elu 1 %1\n"
     "%3 [1,3,8,8] = act tanh %2\n"
     "%4 [1,3,8,8] = act sigmoid %3\n"
     "%5 [1,3,8,8] = act hard_sigmoid 0.2 0.5 %4\n"
     "%6 [1,3,8,8] = act relu %5\n"},
    {"opset 14; LeakyRelu x > a alpha=0.3; Elu a > b alpha=0.5; HardSigmoid b "
     "> c alpha=0.25 beta=0.75; HardSwish c > d; Softplus d > y",
     "%5\n"
     "%1 [1,3,8,8] = act leaky_relu 0.3 %0\n"
     "%2 [1,3,8,8] = act elu 0.5 %1\n"
     "%3 [1,3,8,8] = act hard_sigmoid 0.25 0.75 %2\n"
     "%4 [1,3,8,8] = act hard_swish %3\n"
     "%5 [1,3,8,8] = act softplus %4\n"},
    {"opset 9; f s 3,1,1 r1; f one 1 =0.5; PRelu x,s > a; PRelu a,one > y",
     "%3\n"
     "%2 [1,3,8,8] = act prelu %0 const[3,1,1]\n"
     "%3 [1,3,8,8] = act leaky_relu 0.5 %2\n"},
    {"opset 9; f s 8 r1; PRelu x,s > y", "%6\n"
                                         "%1 [1,3,8,8] = act neg %0\n"
                                         "%2 [1,3,8,8] = act relu %0\n"
                                         "%3 [1,3,8,8] = act relu %1\n"
                                         "%5 [1,3,8,8] = binary mul %3 const[8]\n"
                                         "%6 [1,3,8,8] = binary sub %2 %5\n"},
    {"opset 9; Clip x > a min=0.0 max=255.0; Clip a > b min=0.0; Clip b > y "
     "max=1.0",
     "%3\n"
     "%1 [1,3,8,8] = act clip 0 255 %0\n"
     "%2 [1,3,8,8] = act relu %1\n"
     "%3 [1,3,8,8] = act clip -3.402823e+38 1 %2\n"},
    {"opset 11; f lo 1 =-1; f hi 1 =2; Clip x,lo,hi > a; Clip a > b; Clip "
     "b,_,hi > y",
     "%2\n"
     "%1 [1,3,8,8] = act clip -1 2 %0\n"
     "%2 [1,3,8,8] = act clip -3.402823e+38 2 %1\n"},
    {"opset 9; f c 1 =3; f z 1 =0; Max x,z > a; Min c,a > y",
     "%2\n"
     "%1 [1,3,8,8] = act relu %0\n"
     "%2 [1,3,8,8] = act clip -3.402823e+38 3 %1\n"},
    {"opset 9; f c 3,1,1 r1; Add x,c > a; Sub a,x > b; Mul b,x > c2; Div c2,c "
     "> d; Pow d,p > e; Sum e,x,a > y; f p 1 =2",
     "%9\n"
     "%2 [1,3,8,8] = binary add %0 const[3,1,1]\n"
     "%3 [1,3,8,8] = binary sub %2 %0\n"
     "%4 [1,3,8,8] = binary mul %3 %0\n"
     "%5 [1,3,8,8] = binary div %4 const[3,1,1]\n"
     "%7 [1,3,8,8] = binary pow %5 const[1]\n"
     "%8 [1,3,8,8] = binary add %7 %0\n"
     "%9 [1,3,8,8] = binary add %8 %2\n"},
    {"opset 9; Sqrt x > a; Neg a > b; Abs b > c; Exp c > d; Reciprocal d > y",
     "%5\n"
     "%1 [1,3,8,8] = act sqrt %0\n"
     "%2 [1,3,8,8] = act neg %1\n"
     "%3 [1,3,8,8] = act abs %2\n"
     "%4 [1,3,8,8] = act exp %3\n"
     "%5 [1,3,8,8] = act reciprocal %4\n"},
    {"opset 9; Concat x,x,x > a axis=1; Split a > b,y,c axis=1",
     "%2\n"
     "%1 [1,9,8,8] = concat axis 1 %0 %0 %0\n"
     "%2 [1,3,8,8] = slice start 0,3,0,0 step 1,1,1,1 %1\n"},
    {"opset 11; Concat x,x > a axis=-3; Split a > b,y axis=-3 split=3,3",
     "%2\n"
     "%1 [1,6,8,8] = concat axis 1 %0 %0\n"
     "%2 [1,3,8,8] = slice start 0,3,0,0 step 1,1,1,1 %1\n"},
    {"opset 13; Concat x,x > a axis=1; i s 1,3,2; Split a,s > b,y,c axis=1",
     "%2\n"
     "%1 [1,6,8,8] = concat axis 1 %0 %0\n"
     "%2 [1,3,8,8] = slice start 0,1,0,0 step 1,1,1,1 %1\n"},
    {"opset 9; Concat x,x > a axis=1; Slice a > y starts=2,1 ends=-1,100 "
     "axes=1,2",
     "%2\n"
     "%1 [1,6,8,8] = concat axis 1 %0 %0\n"
     "%2 [1,3,7,8] = slice start 0,2,1,0 step 1,1,1,1 %1\n"},
    {"opset 10; Concat x,x > a axis=1; i s 2,1; i e -1,100; i ax 1,-2; i st "
     "1,1; Slice a,s,e,ax,st > y",
     "%2\n"
     "%1 [1,6,8,8] = concat axis 1 %0 %0\n"
     "%2 [1,3,7,8] = slice start 0,2,1,0 step 1,1,1,1 %1\n"},
    {"opset 13; i s -1,-1; i e -100,-9223372036854775807; i ax 1,3; i st "
     "-1,-1; Slice x,s,e,ax,st > y",
     "%1\n"
     "%1 [1,3,8,8] = slice start 0,2,0,7 step 1,-1,1,-1 %0\n"},
    {"opset 9; Pad x > a pads=0,0,1,2,0,0,3,4 mode=reflect; Pad a > b "
     "pads=0,0,0,0,0,0,0,0; Pad b > c pads=0,0,1,1,0,0,1,1 value=0.5; Pad c > "
     "y pads=0,0,-1,-2,0,0,-3,-4 mode=edge",
     "%3\n"
     "%1 [1,3,12,14] = pad reflect before 0,0,1,2 after 0,0,3,4 %0\n"
     "%2 [1,3,14,16] = pad constant 0.5 before 0,0,1,1 after 0,0,1,1 %1\n"
     "%3 [1,3,10,10] = slice start 0,0,1,2 step 1,1,1,1 %2\n"},
    {"opset 11; i p 0,0,1,0,0,0,1,0; f v 1 =2; Pad x,p,v > a; i q "
     "0,0,0,-1,0,0,-2,1; Pad a,q > y mode=edge",
     "%3\n"
     "%1 [1,3,10,8] = pad constant 2 before 0,0,1,0 after 0,0,1,0 %0\n"
     "%2 [1,3,8,7] = slice start 0,0,0,1 step 1,1,1,1 %1\n"
     "%3 [1,3,8,8] = pad edge before 0,0,0,0 after 0,0,0,1 %2\n"},
    {"opset 9; f s 4 1,1,0.5,0.5; f u 4 1,1,2,2; Upsample x,s > a; Upsample "
     "a,u > y mode=linear",
     "%2\n"
     "%1 [1,3,4,4] = resize nearest asymmetric ceil scale 0.5,0.5 %0\n"
     "%2 [1,3,8,8] = resize linear asymmetric scale 2,2 %1\n"},
    {"opset 10; f s 4 1,1,0.5,0.5; f u 4 1,1,2,2; Resize x,s > a; Resize a,u > "
     "y mode=linear",
     "%2\n"
     "%1 [1,3,4,4] = resize nearest asymmetric ceil scale 0.5,0.5 %0\n"
     "%2 [1,3,8,8] = resize linear asymmetric scale 2,2 %1\n"},
    {"opset 11; f r 0; f s 4 1,1,0.5,0.5; f u 4 1,1,2,2; Resize x,r,s > a "
     "coordinate_transformation_mode=asymmetric nearest_mode=floor; Resize "
     "a,r,u > y mode=linear coordinate_transformation_mode=pytorch_half_pixel",
     "%2\n"
     "%1 [1,3,4,4] = resize nearest asymmetric floor scale 0.5,0.5 %0\n"
     "%2 [1,3,8,8] = resize linear pytorch_half_pixel scale 2,2 %1\n"},
    {"opset 13; i s 1,3,4,5; f u 4 1,1,2,2; Resize x,_,_,s > a "
     "coordinate_transformation_mode=align_corners mode=linear; Resize a,_,u > "
     "b; Resize b,_,u2 > y nearest_mode=ceil; f u2 4 1,1,1,1",
     "%2\n"
     "%1 [1,3,4,5] = resize linear align_corners scale 0.5,0.625 %0\n"
     "%2 [1,3,8,10] = resize nearest half_pixel round_prefer_floor scale 2,2 %1\n"},
    {"opset 11; f r 0; f u 4 1,1,2,2; f s 4 1,1,0.5,0.5; Resize x,r,u > a "
     "coordinate_transformation_mode=tf_half_pixel_for_nn nearest_mode=floor; "
     "Resize a,r,s > y nearest_mode=round_prefer_ceil",
     "%2\n"
     "%1 [1,3,16,16] = resize nearest half_pixel round_prefer_ceil scale 2,2 %0\n"
     "%2 [1,3,8,8] = resize nearest half_pixel round_prefer_ceil scale 0.5,0.5 %1\n"},
    {"opset 11; f r 0; f u 4 1,2,2,1; f s 4 1,1,0.5,0.5; Transpose x > a "
     "perm=0,2,3,1; Resize a,r,u > b; Transpose b > c perm=0,3,1,2; Resize "
     "c,r,s > y",
     "%6\n"
     "%1 [1,8,8,3] = transpose 0,2,3,1 %0\n"
     "%2 [1,3,8,8] = transpose 0,3,1,2 %1\n"
     "%3 [1,3,16,16] = resize nearest half_pixel round_prefer_floor scale 2,2 %2\n"
     "%4 [1,16,16,3] = transpose 0,2,3,1 %3\n"
     "%5 [1,3,16,16] = transpose 0,3,1,2 %4\n"
     "%6 [1,3,8,8] = resize nearest half_pixel round_prefer_floor scale 0.5,0.5 %5\n"},
    {"opset 9; f w 12,3,1,1 r1; Conv x,w > a; DepthToSpace a > b blocksize=2; "
     "SpaceToDepth b > c blocksize=2; f v 3,12,1,1 r2; Conv c,v > y",
     "%6\n"
     "%2 [1,12,8,8] = conv kernel 1x1 %0 const[12,3,1,1] -\n"
     "%3 [1,3,16,16] = depth_to_space 2 dcr %2\n"
     "%4 [1,12,8,8] = space_to_depth 2 dcr %3\n"
     "%6 [1,3,8,8] = conv kernel 1x1 %4 const[3,12,1,1] -\n"},
    {"opset 13; f w 12,3,1,1 r1; Conv x,w > a; DepthToSpace a > b blocksize=2 "
     "mode=CRD; f v 3,3,2,2 r2; Conv b,v > y strides=2,2",
     "%5\n"
     "%2 [1,12,8,8] = conv kernel 1x1 %0 const[12,3,1,1] -\n"
     "%3 [1,3,16,16] = depth_to_space 2 crd %2\n"
     "%5 [1,3,8,8] = conv kernel 2x2 stride 2x2 %3 const[3,3,2,2] -\n"},
    {"opset 9; MaxPool x > y kernel_shape=3,3 pads=1,1,1,1",
     "%1\n"
     "%1 [1,3,8,8] = pool max kernel 3x3 pad 1,1,1,1 %0\n"},
    {"opset 10; MaxPool x > a kernel_shape=2,2 strides=2,2; f u 4 1,1,2,2; "
     "Resize a,u > b; MaxPool b > c kernel_shape=3,3 strides=2,2 ceil_mode=1; "
     "Resize c,u > y",
     "%4\n"
     "%1 [1,3,4,4] = pool max kernel 2x2 stride 2x2 %0\n"
     "%2 [1,3,8,8] = resize nearest asymmetric floor scale 2,2 %1\n"
     "%3 [1,3,4,4] = pool max kernel 3x3 stride 2x2 pad 0,0,1,1 %2\n"
     "%4 [1,3,8,8] = resize nearest asymmetric floor scale 2,2 %3\n"},
    {"opset 12; MaxPool x > y kernel_shape=2,2 dilations=2,2 "
     "auto_pad=SAME_LOWER",
     "%1\n"
     "%1 [1,3,8,8] = pool max kernel 2x2 dilation 2x2 pad 1,1,1,1 %0\n"},
    {"opset 9; AveragePool x > a kernel_shape=3,3 pads=1,1,1,1; AveragePool a "
     "> y kernel_shape=3,3 pads=1,1,1,1 count_include_pad=1",
     "%2\n"
     "%1 [1,3,8,8] = pool average kernel 3x3 pad 1,1,1,1 %0\n"
     "%2 [1,3,8,8] = pool average_padded kernel 3x3 pad 1,1,1,1 %1\n"},
    {"opset 9; GlobalAveragePool x > a; ReduceMean x > b axes=2,-1; ReduceMean "
     "x > c axes=2,3 keepdims=0; Unsqueeze c > d axes=2,3; ReduceMean x > e; "
     "Sum x,a,b,d,e > y",
     "%9\n"
     "%1 [1,3,1,1] = mean axes 2 3 keep %0\n"
     "%2 [1,3,1,1] = mean axes 2 3 keep %0\n"
     "%3 [1,3] = mean axes 2 3 drop %0\n"
     "%4 [1,3,1,1] = reshape %3\n"
     "%5 [1,1,1,1] = mean axes 0 1 2 3 keep %0\n"
     "%6 [1,3,8,8] = binary add %0 %1\n"
     "%7 [1,3,8,8] = binary add %6 %2\n"
     "%8 [1,3,8,8] = binary add %7 %4\n"
     "%9 [1,3,8,8] = binary add %8 %5\n"},
    {"opset 13; ReduceSum x,a > b; i a 2,3; ReduceSum x > c noop_with_empty_axes=1; "
     "Add c,b > y",
     "%4\n"
     "%1 [1,3,1,1] = mean axes 2 3 keep %0\n"
     "%3 [1,3,1,1] = binary mul %1 const[]\n"
     "%4 [1,3,8,8] = binary add %0 %3\n"},
    {"opset 9; Reshape x,s > a; i s 0,-1; Flatten a > b axis=0; Squeeze b > c "
     "axes=0,; Unsqueeze c > d axes=0,; Reshape d,t > y; i t 1,3,8,-1",
     "%4\n"
     "%1 [1,192] = reshape %0\n"
     "%2 [192] = reshape %1\n"
     "%3 [1,192] = reshape %2\n"
     "%4 [1,3,8,8] = reshape %3\n"},
    {"opset 13; Reshape x,s > a; i s 0,-1; i z 0,; Squeeze a,z > c; Unsqueeze "
     "c,z > d; Shape x > t; Reshape d,t > y",
     "%4\n"
     "%1 [1,192] = reshape %0\n"
     "%2 [192] = reshape %1\n"
     "%3 [1,192] = reshape %2\n"
     "%4 [1,3,8,8] = reshape %3\n"},
    {"opset 9; Identity x > a; Dropout a > b ratio=0.3; Cast b > c to=10; Cast "
     "c > d to=1; Transpose d > y perm=0,1,2,3",
     "%0\n"},
    {"opset 13; i k 2,1,0; Gather x,k > a axis=1; i one =1; Gather a,one > b "
     "axis=-3; Unsqueeze b,ax > c; i ax 1,; Expand c,e > y; i e 1,3,1,1",
     "%6\n"
     "%1 [1,3,8,8] = slice start 0,2,0,0 step 1,-1,1,1 %0\n"
     "%2 [1,1,8,8] = slice start 0,1,0,0 step 1,1,1,1 %1\n"
     "%3 [1,8,8] = reshape %2\n"
     "%4 [1,1,8,8] = reshape %3\n"
     "%6 [1,3,8,8] = binary add %4 const[1,3,1,1]\n"},
    {"opset 9; Shape x > s; Gather s,two > h; i two =2; Constant > four "
     "value=@=4; Div h,four > q; Unsqueeze q > qq axes=0,; Constant > rest "
     "value=@1,3; Concat rest,qq,qq > t axis=0; ConstantOfShape t > z "
     "value=@0.5,; GlobalAveragePool z > zz; Add x,zz > y",
     "%3\n"
     "%2 [1,3,1,1] = mean axes 2 3 keep const[1,3,2,2] (style)\n"
     "%3 [1,3,8,8] = binary add %0 %2\n"},
    {"opset 11; f w 3,3,1,1 r1; Conv x,w,_ > a; f c 1,3,8,8 =2; Mul c,a > b; f "
     "d 8,8 r1; Add b,d > y",
     "%6\n"
     "%2 [1,3,8,8] = conv kernel 1x1 %0 const[3,3,1,1] -\n"
     "%4 [1,3,8,8] = binary mul const[1,1,1,1] %2\n"
     "%6 [1,3,8,8] = binary add %4 const[8,8]\n"},
    {"opset 12; Constant > c value_float=0.5; Constant > d "
     "value_floats=0.5,0.25,0.125; Constant > s value_ints=1,3,1,1; Reshape "
     "d,s > e; Mul x,c > a; Sub a,e > y",
     "%4\n"
     "%2 [1,3,8,8] = binary mul %0 const[]\n"
     "%4 [1,3,8,8] = binary sub %2 const[1,3,1,1]\n"},
    {"opset 15; Shape x > s start=1 end=-1; Concat s,one > t axis=0; i one 8,; "
     "Range z,n,k > r; i z =0; i n =3; i k =1; Unsqueeze r,ax > r1; i ax 1,2; "
     "Cast r1 > f1 to=1; Expand f1,t > g; Equal t,t > q; Where q,t,one > t2; "
     "Reshape g,t2 > h; Add x,h > y",
     "%2\n"
     "%2 [1,3,8,8] = binary add %0 const[3,1,1]\n"},
    {"opset 9; ReduceMean x > m axes=1,; Sub x,m > d; Mul d,d > v; ReduceMean "
     "v > vm axes=1,; Constant > e value=@=0.00001; Add vm,e > ve; Sqrt ve > "
     "sd; Div d,sd > y",
     "%8\n"
     "%1 [1,1,8,8] = mean axes 1 keep %0\n"
     "%2 [1,3,8,8] = binary sub %0 %1\n"
     "%3 [1,3,8,8] = binary mul %2 %2\n"
     "%4 [1,1,8,8] = mean axes 1 keep %3\n"
     "%6 [1,1,8,8] = binary add %4 const[]\n"
     "%7 [1,1,8,8] = act sqrt %6\n"
     "%8 [1,3,8,8] = binary div %2 %7\n"},
};

const size_t onnx_form_count = sizeof(onnx_forms) / sizeof(onnx_forms[0]);
