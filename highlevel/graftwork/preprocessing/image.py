"""Pictures from and to files and in other sizes, under Keras' older name."""

from graftgrad.deferred import deferred

from ..data import array_to_img, img_to_array, load_img, save_img
from ..images import smart_resize

__getattr__, __dir__ = deferred(
    __name__,
    {
        "ImageDataGenerator": "Write image_dataset_from_directory, and put layers such as "
        "Rescaling and RandomFlip at the entrance of the model."
    },
)
__all__ = ["array_to_img", "img_to_array", "load_img", "save_img", "smart_resize"]
