"""The whole state of a training, written while it runs; an interrupted one goes on from it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from graftgrad.errors import ConfigError, FormatError, GraftError, expect, sentence

from .callback import Callback, Logs

LATEST, PREVIOUS, LOCK = "latest.training", "previous.training", "lock"


class BackupAndRestore(Callback):
    """Lets a training that was interrupted, however it was, end as if it had not been.

    Weights, optimizers, metrics, generators of random numbers, the place in the data and what other
    listeners remember are written into one file, which is replaced whole or not at all. When the
    same program runs again, `fit` goes on behind the last batch or epoch that was written, and the
    results are the same to the last bit, for arrays and data sets of known length. A listener of
    your own lists in `kept` the names of attributes that are to be written with it.

    Args:
        backup_dir: a folder for this training alone; it is made if it is not there.
        save_freq: "epoch", or after how many batches; False writes nothing.
        double_checkpoint: keep the state before as well, and use it if the last cannot be read.
        delete_checkpoint: remove what was written when the training has come to its end.

    Raises:
        ConfigError: the folder has no name, `save_freq` is none of these, or another training uses
            the folder.
        FormatError: the folder cannot be written, or what it holds is damaged.
    """

    hears_last = True  # what the others make of an event is to be written too

    def __init__(
        self,
        backup_dir: str | os.PathLike[str],
        save_freq: Any = "epoch",
        double_checkpoint: bool = False,
        delete_checkpoint: bool = True,
    ) -> None:
        super().__init__()
        expect(bool(backup_dir), "BackupAndRestore", "backup_dir must name a folder",
               error=ConfigError, backup_dir=backup_dir)  # fmt: skip
        fits = save_freq in ("epoch", False) or (isinstance(save_freq, int) and save_freq > 0)
        expect(fits, "BackupAndRestore", 'save_freq must be "epoch", a number of batches or False',
               error=ConfigError, save_freq=save_freq)  # fmt: skip
        self.backup_dir = Path(backup_dir)
        self.save_freq = save_freq
        self.double_checkpoint = double_checkpoint
        self.delete_checkpoint = delete_checkpoint
        self.peers: list[Callback] = []
        self.epoch = 0
        self.batches = 0
        self.last = 0
        self.lock: Any = None

    def saved_seed(self, model: Any) -> int | None:
        """Return the seed of the order of samples that was saved, if any."""
        self._acquire()
        try:
            found = self._found(model)
            return None if found is None else found.seed
        finally:
            self._release()

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Look for a state to go on from."""
        expect(self.model.built, "BackupAndRestore", "the model must be built before fit",
               error=ConfigError, built=False,
               advice="Give it an Input, call it once or call build(input_shape).")  # fmt: skip
        self._acquire()
        self.epoch = self.batches = self.last = 0
        found = self._found(self.model)
        if found is None:
            return
        progress = found.progress

        def restore() -> None:
            found.restore(self.model)
            waiting = list(self.peers)
            for kind, state in progress["listeners"]:
                match = next((one for one in waiting if type(one).__name__ == kind), None)
                if match is not None:
                    waiting.remove(match)
                    for name, value in state.items():
                        setattr(match, name, value)
            self.model.stop_training = progress["stop"]

        self.epoch = progress["epoch"]
        self.model.resume_at(self.epoch, progress["batch"], progress["logs"], restore)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Take note of the epoch."""
        self.epoch, self.last = epoch, 0

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Write every so many batches."""
        if self.save_freq == "epoch" or not self.save_freq:
            return
        self.batches += batch + 1 - self.last
        self.last = batch + 1
        if self.batches >= self.save_freq:
            self.batches = 0
            self._write(self.epoch, batch + 1, logs)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Write after the epoch."""
        if self.save_freq == "epoch":
            self._write(epoch + 1, 0, logs)

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Remove what was written, unless the training was interrupted; leave the folder."""
        done = self.model.training_completed and self.delete_checkpoint
        for name in (LATEST, PREVIOUS) if done else ():
            (self.backup_dir / name).unlink(missing_ok=True)
        self._release()
        if done and self.backup_dir.is_dir() and not any(self.backup_dir.iterdir()):
            self.backup_dir.rmdir()

    def _write(self, epoch: int, batch: int, logs: Logs | None) -> None:
        latest = self.backup_dir / LATEST
        if self.double_checkpoint and latest.exists():
            _copied(latest, self.backup_dir / PREVIOUS)
        listeners = [
            [type(one).__name__, {name: getattr(one, name) for name in one.kept}]
            for one in self.peers if one.kept
        ]  # fmt: skip
        self.model.save_training_state(latest, {
            "epoch": epoch, "batch": batch, "logs": dict(logs or {}), "listeners": listeners,
            "stop": self.model.stop_training,
        })  # fmt: skip

    def _found(self, model: Any) -> Any:
        """Return the state that was written last and can be read, or None if there is none."""
        latest, previous = self.backup_dir / LATEST, self.backup_dir / PREVIOUS
        if not latest.exists():
            return None
        try:
            return model.training_state(latest)
        except GraftError:
            if not previous.exists():
                raise
            return model.training_state(previous)

    def _acquire(self) -> None:
        """Take the folder for this process until the training ends, or the process does."""
        if self.lock is not None:
            return
        try:
            self.backup_dir.mkdir(parents=True, exist_ok=True)
            lock = open(self.backup_dir / LOCK, "a+b")
        except OSError as error:
            raise FormatError(sentence(
                "BackupAndRestore", "backup_dir must be a folder that can be written",
                {"backup_dir": str(self.backup_dir), "reason": error.strerror or str(error)},
            )) from error  # fmt: skip
        if not _locked(lock):
            lock.close()
            raise ConfigError(sentence(
                "BackupAndRestore", "no two trainings may use one folder",
                {"backup_dir": str(self.backup_dir), "in use": True},
                "Wait until the other has ended, or name another folder.",
            ))  # fmt: skip
        self.lock = lock
        for draft in self.backup_dir.glob(f".{LATEST}.*.partial"):  # of a process that was killed
            draft.unlink(missing_ok=True)

    def _release(self) -> None:
        if self.lock is not None:
            (self.backup_dir / LOCK).unlink(missing_ok=True)
            self.lock.close()
            self.lock = None


def _copied(source: Path, target: Path) -> None:
    """Let the bytes of a file stand under a second name too, in one step."""
    draft = target.with_suffix(".partial")
    draft.unlink(missing_ok=True)
    try:
        os.link(source, draft)
    except OSError:  # a file system without links
        shutil.copyfile(source, draft)
    os.replace(draft, target)


def _locked(file: Any) -> bool:
    """Lock a file for this process; the system unlocks it when the process ends."""
    try:
        import fcntl
    except ImportError:
        return True  # a system without such locks
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # its last holder may have removed it between opening and locking
        return os.path.samestat(os.fstat(file.fileno()), os.stat(file.name))
    except OSError:
        return False
