"""save and load: what goes in comes out, what is damaged is refused, and nothing runs."""

import io
import json
import math
import os
import pickle
import zipfile

import numpy as np
import pytest
import safetensors.numpy

import rustorch
from rustorch import SerializationError
from rustorch.dtypes import ALL
from rustorch.testing import assert_close, make_tensor


@pytest.fixture
def path(tmp_path):
    return tmp_path / "x.safetensors"


def through(value):
    file = io.BytesIO()
    rustorch.save(value, file)
    file.seek(0)
    return rustorch.load(file)


@pytest.mark.parametrize("dtype", ALL, ids=str)
@pytest.mark.parametrize("shape", [(), (0, 3), (2, 3)])
def test_every_dtype_and_shape(dtype, shape, path):
    x = make_tensor(shape, dtype=dtype)
    rustorch.save(x, path)
    again = rustorch.load(path)
    assert again.dtype is dtype
    assert_close(again, x, rtol=0, atol=0)


@pytest.mark.parametrize(
    "value",
    [
        None, True, 0, -(2**70), 1.5, -0.0, 1e-320, "é\n\x00", [], (), {}, [1, (2.5, [None])],
        {"a": {"b": ()}},
        {1: "int", "1": "str", (1, 2): "tuple"}, {False: 0.5}, 1 + 2j, rustorch.bfloat16,
        {"tensor": 1}, {"map": [1]},
    ],
    ids=repr,
)  # fmt: skip
def test_plain_data(value):
    again = through(value)
    assert repr(again) == repr(value)


def test_numbers_that_json_has_not():
    nan, *rest = through([math.nan, math.inf, -math.inf, complex(math.nan, 1)])
    assert math.isnan(nan)
    assert rest[:2] == [math.inf, -math.inf]
    assert math.isnan(rest[2].real)


def test_numpy_numbers_become_numbers():
    assert through([np.int64(3), np.float32(0.5), np.bool_(True)]) == [3, 0.5, True]


def test_views_are_saved_as_they_look():
    x = rustorch.arange(12).reshape(3, 4)
    views = {"transposed": x.t(), "part": x[1:, ::2], "flipped": x.flip(0), "expanded": x[:1].expand(3, 4)}
    assert_close(through(views), {name: view.clone() for name, view in views.items()})


def test_the_same_tensor_is_written_once(path):
    x = rustorch.ones(1000)
    rustorch.save({"a": x, "b": x, "c": [x.detach()]}, path)
    assert path.stat().st_size < 5000
    again = rustorch.load(path)
    again["a"][0] = 5
    assert again["b"][0] == 5


def test_names_that_collide():
    value = {"a": {"b": rustorch.ones(1)}, "a.b": rustorch.zeros(1), "__metadata__": rustorch.ones(2)}
    assert_close(through(value), value)


def test_requires_grad_is_kept():
    x = rustorch.ones(2, requires_grad=True)
    leaf, result = through([x, x * 2])
    assert leaf.requires_grad
    assert leaf.is_leaf
    assert result.is_leaf


@pytest.mark.parametrize("device", ["reference"])
def test_no_device_is_stored(device, path):
    rustorch.save(rustorch.ones(2, device=device), path)
    assert device.encode() not in path.read_bytes()
    assert rustorch.load(path).device is rustorch.get_default_device()
    assert rustorch.load(path, map_location=device).device.type == device


def test_other_software_reads_it(path):
    state = {
        "layer.weight": make_tensor((2, 3), dtype="float32"),
        "layer.bias": make_tensor((2,), dtype="float64"),
    }
    rustorch.save(state, path)
    found = safetensors.numpy.load_file(path)
    assert found.keys() == state.keys()
    assert_close(state, found)


def test_reads_what_other_software_wrote(path):
    arrays = {
        "a": np.arange(6.0).reshape(2, 3),
        "b": np.array([True, False]),
        "c": np.zeros((0, 2), np.int16),
    }
    safetensors.numpy.save_file(arrays, path, metadata={"format": "pt"})
    assert_close(rustorch.load(path), arrays)


class TestRefusals:
    def test_what_is_no_plain_data(self, path):
        with pytest.raises(
            SerializationError, match=r"got a value of type object at model\.part\.0"
        ) as caught:
            rustorch.save({"model": {"part": [object()]}}, path)
        assert "state_dict" in str(caught.value)
        assert not path.exists()
        assert not list(path.parent.iterdir())

    def test_arrays(self, path):
        with pytest.raises(SerializationError, match="from_numpy"):
            rustorch.save({"a": np.ones(2)}, path)

    def test_what_refers_to_itself(self, path):
        loop = []
        loop.append(loop)
        with pytest.raises(SerializationError, match="referring to itself"):
            rustorch.save(loop, path)

    def test_a_missing_file(self, path):
        with pytest.raises(SerializationError, match=r"x\.safetensors cannot be read: No such file"):
            rustorch.load(path)

    @pytest.mark.parametrize("place", ["/no/such/folder/x", "."])
    def test_a_place_that_cannot_be_written(self, place):
        with pytest.raises(SerializationError, match="cannot be written"):
            rustorch.save({}, place)

    @pytest.mark.parametrize("call", [lambda: rustorch.save({}, 3), lambda: rustorch.load(3)])
    def test_what_is_no_path(self, call):
        with pytest.raises(rustorch.ArgumentTypeError, match="a path or a binary file is required, got int"):
            call()

    def test_pytorch_archives_and_pickles(self, path):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("archive/data.pkl", pickle.dumps({}))
        with pytest.raises(SerializationError, match="can run code") as caught:
            rustorch.load(path)
        assert "save_file" in str(caught.value)
        for protocol in (2, 4):
            path.write_bytes(pickle.dumps({"weight": [1.0] * 100}, protocol))
            with pytest.raises(SerializationError, match="can run code"):
                rustorch.load(path)

    def test_a_newer_version(self, path):
        import zlib

        text = json.dumps({"version": 99, "kind": "object"})
        check = f"{zlib.crc32(text.encode()):08x}"
        safetensors.numpy.save_file(
            {}, path, {"format": "rustorch", "rustorch": text, "rustorch_crc32": check}
        )
        with pytest.raises(SerializationError, match="format version 99, this RusTorch reads 1"):
            rustorch.load(path)

    def test_dtypes_that_do_not_exist_here(self, path):
        safetensors.numpy.save_file({"a": np.zeros(2, np.uint32)}, path)
        with pytest.raises(SerializationError, match=r"'a' of .* has dtype U32"):
            rustorch.load(path)

    @pytest.mark.parametrize(
        "header",
        [
            b"[]",
            b"{",
            b"\xff\xff",
            b"[" * 100_000,
            b'{"a":3}',
            b'{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}',
            b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,8]}}',
            b'{"a":{"dtype":"F32","shape":[true],"data_offsets":[0,4]}}',
            b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}',
            b'{"a":{"dtype":"F32","shape":[9e99],"data_offsets":[0,4]}}',
            b'{"a":{"dtype":"F32","shape":[99999999999,99999999999],"data_offsets":[0,4]}}',
            b'{"__metadata__":{"a":1}}',
            b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
        ],
        ids=lambda header: header[:40].decode("latin1"),
    )
    def test_headers(self, header):
        with pytest.raises(SerializationError, match="not valid"):
            rustorch.load(io.BytesIO(len(header).to_bytes(8, "little") + header + bytes(4)))


VALUE = {
    "w": [make_tensor((3, 2), dtype="float32")],
    1: ("text", None, 0.5),
    "b": make_tensor((2,), dtype="bfloat16"),
}


def damaged(data):
    """Load damaged bytes: they must be refused, or give exactly what was saved."""
    try:
        found = rustorch.load(io.BytesIO(bytes(data)))
    except SerializationError as error:
        assert str(error).startswith("load: ")  # noqa: PT017 - not being raised is allowed
        return True
    assert_close(found["w"] + [found["b"]], VALUE["w"] + [VALUE["b"]], rtol=0, atol=0)
    assert found[1] == VALUE[1]
    return False


def test_truncated_anywhere_and_too_long():
    file = io.BytesIO()
    rustorch.save(VALUE, file)
    whole = file.getvalue()
    assert all(damaged(whole[:end]) for end in range(len(whole)))
    assert damaged(whole + b"\0")


@pytest.mark.parametrize("bit", [0, 5])
def test_one_bit_flipped_anywhere(bit):
    file = io.BytesIO()
    rustorch.save(VALUE, file)
    whole = bytearray(file.getvalue())
    refused = 0
    for position in range(len(whole)):
        whole[position] ^= 1 << bit
        refused += damaged(whole)
        whole[position] ^= 1 << bit
    assert refused >= len(whole) - 8  # all but the header's padding


def test_a_crash_leaves_the_old_file(path, monkeypatch):
    rustorch.save({"old": 1}, path)

    def crash(_handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", crash)
    with pytest.raises(SerializationError, match="No space left on device"):
        rustorch.save({"new": rustorch.ones(100)}, path)
    assert rustorch.load(path) == {"old": 1}
    assert list(path.parent.iterdir()) == [path]


def test_links_and_devices_stay_what_they_are(path):
    link = path.parent / "latest"
    link.symlink_to(path)
    rustorch.save({"a": 1}, link)
    assert link.is_symlink()
    assert rustorch.load(path) == {"a": 1}
    rustorch.save({"a": 1}, os.devnull)
    assert not os.path.isfile(os.devnull)  # noqa: PTH113 - a name, not a Path


def test_streams_that_cannot_be_sought_in():
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb") as stream:
        rustorch.save({}, stream)
    with (
        os.fdopen(reading, "rb") as stream,
        pytest.raises(SerializationError, match="the file cannot be read"),
    ):
        rustorch.load(stream)


def test_permissions_are_those_of_any_file_or_of_the_old_one(path):
    rustorch.save({}, path)
    (path.parent / "plain").write_text("")
    assert path.stat().st_mode == (path.parent / "plain").stat().st_mode
    path.chmod(0o600)
    rustorch.save({}, path)
    assert path.stat().st_mode & 0o777 == 0o600
