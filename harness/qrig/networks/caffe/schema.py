"""Caffe's protobuf messages, as far as qrig reads them, as message classes of a pool of our own.

Field names and numbers are those of Caffe's `caffe.proto` (BVLC/caffe, 9b891540); they are the file
format. The table below is our own notation: `name=number type` with `*` for repeated, `*p` for
repeated packed, and `[default]`. A pool of our own keeps us apart from an installed pycaffe.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_ENUMS = {
    "Phase": "TRAIN=0 TEST=1",
    "PoolMethod": "MAX=0 AVE=1 STOCHASTIC=2",
    "RoundMode": "CEIL=0 FLOOR=1",
    "Engine": "DEFAULT=0 CAFFE=1 CUDNN=2",
    "DB": "LEVELDB=0 LMDB=1",
    "VarianceNorm": "FAN_IN=0 FAN_OUT=1 AVERAGE=2",
    "ShareMode": "STRICT=0 PERMISSIVE=1",
    "NormRegion": "ACROSS_CHANNELS=0 WITHIN_CHANNEL=1",
    "EltwiseOp": "PROD=0 SUM=1 MAX=2",
    "Normalization": "FULL=0 VALID=1 BATCH_SIZE=2 NONE=3",
}

_MESSAGES = {
    "BlobShape": "dim=1 int64*p",
    "BlobProto": """shape=7 BlobShape; data=5 float*p; diff=6 float*p; double_data=8 double*p;
        double_diff=9 double*p; num=1 int32[0]; channels=2 int32[0]; height=3 int32[0];
        width=4 int32[0]""",
    "FillerParameter": """type=1 string[constant]; value=2 float[0]; min=3 float[0];
        max=4 float[1]; mean=5 float[0]; std=6 float[1]; sparse=7 int32[-1];
        variance_norm=8 VarianceNorm[FAN_IN]""",
    "NetState": "phase=1 Phase[TEST]; level=2 int32[0]; stage=3 string*",
    "NetStateRule": """phase=1 Phase; min_level=2 int32; max_level=3 int32; stage=4 string*;
        not_stage=5 string*""",
    "ParamSpec": """name=1 string; share_mode=2 ShareMode; lr_mult=3 float[1];
        decay_mult=4 float[1]""",
    "TransformationParameter": """scale=1 float[1]; mirror=2 bool[false]; crop_size=3 uint32[0];
        mean_file=4 string; mean_value=5 float*; force_color=6 bool[false];
        force_gray=7 bool[false]""",
    "LossParameter": """ignore_label=1 int32; normalize=2 bool;
        normalization=3 Normalization[VALID]""",
    "AccuracyParameter": "top_k=1 uint32[1]; axis=2 int32[1]; ignore_label=3 int32",
    "ConcatParameter": "axis=2 int32[1]; concat_dim=1 uint32[1]",
    "ConvolutionParameter": """num_output=1 uint32; bias_term=2 bool[true]; pad=3 uint32*;
        kernel_size=4 uint32*; group=5 uint32[1]; stride=6 uint32*; weight_filler=7 FillerParameter;
        bias_filler=8 FillerParameter; pad_h=9 uint32[0]; pad_w=10 uint32[0]; kernel_h=11 uint32;
        kernel_w=12 uint32; stride_h=13 uint32; stride_w=14 uint32; engine=15 Engine[DEFAULT];
        axis=16 int32[1]; force_nd_im2col=17 bool[false]; dilation=18 uint32*""",
    "DataParameter": """source=1 string; batch_size=4 uint32; rand_skip=7 uint32[0];
        backend=8 DB[LEVELDB]; scale=2 float[1]; mean_file=3 string; crop_size=5 uint32[0];
        mirror=6 bool[false]; force_encoded_color=9 bool[false]; prefetch=10 uint32[10]""",
    "DropoutParameter": "dropout_ratio=1 float[0.5]",
    "EltwiseParameter": """operation=1 EltwiseOp[SUM]; coeff=2 float*;
        stable_prod_grad=3 bool[true]""",
    "HDF5DataParameter": "source=1 string; batch_size=2 uint32; shuffle=3 bool[false]",
    "ImageDataParameter": """source=1 string; scale=2 float[1]; mean_file=3 string;
        batch_size=4 uint32[1]; crop_size=5 uint32[0]; mirror=6 bool[false]; rand_skip=7 uint32[0];
        shuffle=8 bool[false]; new_height=9 uint32[0]; new_width=10 uint32[0];
        is_color=11 bool[true]; root_folder=12 string""",
    "InnerProductParameter": """num_output=1 uint32; bias_term=2 bool[true];
        weight_filler=3 FillerParameter; bias_filler=4 FillerParameter; axis=5 int32[1];
        transpose=6 bool[false]""",
    "InputParameter": "shape=1 BlobShape*",
    "LRNParameter": """local_size=1 uint32[5]; alpha=2 float[1]; beta=3 float[0.75];
        norm_region=4 NormRegion[ACROSS_CHANNELS]; k=5 float[1]; engine=6 Engine[DEFAULT]""",
    "MemoryDataParameter": """batch_size=1 uint32; channels=2 uint32; height=3 uint32;
        width=4 uint32""",
    "PoolingParameter": """pool=1 PoolMethod[MAX]; pad=4 uint32[0]; pad_h=9 uint32[0];
        pad_w=10 uint32[0]; kernel_size=2 uint32; kernel_h=5 uint32; kernel_w=6 uint32;
        stride=3 uint32[1]; stride_h=7 uint32; stride_w=8 uint32; engine=11 Engine[DEFAULT];
        global_pooling=12 bool[false]; round_mode=13 RoundMode[CEIL]""",
    "ReLUParameter": "negative_slope=1 float[0]; engine=2 Engine[DEFAULT]",
    "SigmoidParameter": "engine=1 Engine[DEFAULT]",
    "SoftmaxParameter": "engine=1 Engine[DEFAULT]; axis=2 int32[1]",
    "TanHParameter": "engine=1 Engine[DEFAULT]",
    "FlattenParameter": "axis=1 int32[1]; end_axis=2 int32[-1]",
    "BatchNormParameter": """use_global_stats=1 bool; moving_average_fraction=2 float[0.999];
        eps=3 float[0.00001]""",
    "ScaleParameter": """axis=1 int32[1]; num_axes=2 int32[1]; filler=3 FillerParameter;
        bias_term=4 bool[false]; bias_filler=5 FillerParameter""",
    "LayerParameter": """name=1 string; type=2 string; bottom=3 string*; top=4 string*;
        loss_weight=5 float*; param=6 ParamSpec*; blobs=7 BlobProto*; include=8 NetStateRule*;
        exclude=9 NetStateRule*; phase=10 Phase; propagate_down=11 bool*;
        transform_param=100 TransformationParameter; loss_param=101 LossParameter;
        accuracy_param=102 AccuracyParameter; concat_param=104 ConcatParameter;
        convolution_param=106 ConvolutionParameter; data_param=107 DataParameter;
        dropout_param=108 DropoutParameter; eltwise_param=110 EltwiseParameter;
        hdf5_data_param=112 HDF5DataParameter; image_data_param=115 ImageDataParameter;
        inner_product_param=117 InnerProductParameter; lrn_param=118 LRNParameter;
        memory_data_param=119 MemoryDataParameter; pooling_param=121 PoolingParameter;
        relu_param=123 ReLUParameter; sigmoid_param=124 SigmoidParameter;
        softmax_param=125 SoftmaxParameter; tanh_param=127 TanHParameter;
        flatten_param=135 FlattenParameter; batch_norm_param=139 BatchNormParameter;
        scale_param=142 ScaleParameter; input_param=143 InputParameter""",
    "V1LayerParameter": "bottom=2 string*; top=3 string*; name=4 string; blobs=6 BlobProto*",
    "NetParameter": """name=1 string; layers=2 V1LayerParameter*; input=3 string*;
        input_dim=4 int32*; force_backward=5 bool[false]; state=6 NetState;
        debug_info=7 bool[false]; input_shape=8 BlobShape*; layer=100 LayerParameter*""",
}

_FIELD = re.compile(r"(\w+)=(\d+) (\w+)(\*p|\*)?(?:\[([^\]]*)\])?")
_SCALARS = {
    name: getattr(descriptor_pb2.FieldDescriptorProto, f"TYPE_{name.upper()}")
    for name in ("bool", "bytes", "double", "float", "int32", "int64", "string", "uint32")
}


@cache
def message(name: str) -> Any:
    """Return the protobuf class of the Caffe message called `name`; KeyError if unknown."""
    return message_factory.GetMessageClass(_pool().FindMessageTypeByName(f"qrig.caffe.{name}"))


@cache
def _pool() -> descriptor_pool.DescriptorPool:
    file = descriptor_pb2.FileDescriptorProto(
        name="qrig_caffe.proto", package="qrig.caffe", syntax="proto2"
    )
    for enum_name, values in _ENUMS.items():
        # The values of an enum live in the scope around it: a message of its own keeps the MAX
        # of two enums apart.
        enum = file.message_type.add(name=f"{enum_name}Scope").enum_type.add(name=enum_name)
        for item in values.split():
            value_name, number = item.split("=")
            enum.value.add(name=value_name, number=int(number))
    for message_name, fields in _MESSAGES.items():
        _add_message(file, message_name, fields)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return pool


def _add_message(file: descriptor_pb2.FileDescriptorProto, name: str, fields: str) -> None:
    entry = file.message_type.add(name=name)
    for text in fields.split(";"):
        match = _FIELD.fullmatch(" ".join(text.split()))
        if match is None:
            raise ValueError(f"schema of {name}: {text!r} is not 'name=number type'")
        field_name, number, kind, repeated, default = match.groups()
        field = entry.field.add(name=field_name, number=int(number))
        field.label = field.LABEL_REPEATED if repeated else field.LABEL_OPTIONAL
        if repeated == "*p":
            field.options.packed = True
        if default is not None:
            field.default_value = default
        if kind in _SCALARS:
            field.type = _SCALARS[kind]
        elif kind in _ENUMS:
            field.type = field.TYPE_ENUM
            field.type_name = f".qrig.caffe.{kind}Scope.{kind}"
        else:
            field.type = field.TYPE_MESSAGE
            field.type_name = f".qrig.caffe.{kind}"
