"""Learn to read handwritten digits, twice: by ``Model.fit`` and by a loop of one's own.

The data are the 1,797 real 8x8 images that scikit-learn carries (UCI "Optical Recognition of
Handwritten Digits").  Run:  python examples/digits.py [--out DIR] [--epochs N]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

import rustorch
from rustorch import nn, optim
from rustorch.data import DataLoader, TensorDataset
from rustorch.nn import functional as F
from rustorch.training import confusion_matrix
from rustorch.visualization import Plotter

CLASSES = 10


def load(test_share: float = 0.2) -> tuple[TensorDataset, TensorDataset]:
    """Return training and test sets: images (1, 8, 8) scaled to [-1, 1], and labels."""
    digits = load_digits()
    images = (digits.images.astype(np.float32) / 8.0 - 1.0)[:, None]
    labels = digits.target.astype(np.int64)
    order = np.random.default_rng(0).permutation(len(labels))
    cut = int(len(labels) * test_share)
    test, train = order[:cut], order[cut:]
    return (
        TensorDataset(rustorch.tensor(images[train]), rustorch.tensor(labels[train])),
        TensorDataset(rustorch.tensor(images[test]), rustorch.tensor(labels[test])),
    )


def train_with_fit(
    train: TensorDataset, test: TensorDataset, epochs: int
) -> tuple[rustorch.Model, object, float]:
    """Return a fitted model, its history and its accuracy on the test set."""
    model = rustorch.Model("digits")
    model.add("Conv2D(32, 3, activation=relu)")
    model.add("Conv2D(32, 3, activation=relu)")
    model.add("MaxPool2D(2)")
    model.add("Flatten()")
    model.add("Dense(128, activation=relu)")
    model.add("Dropout(0.3)")
    model.add("Dense(10, activation=softmax)")
    model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(
        DataLoader(train, batch_size=64, shuffle=True),
        validation_data=DataLoader(test, batch_size=256),
        epochs=epochs,
    )
    print(model.summary())
    return model, history, model.evaluate(DataLoader(test, batch_size=256))["accuracy"]


class Net(nn.Module):
    """The same network, written as a PyTorch user would."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, 3)
        self.conv2 = nn.Conv2d(32, 32, 3)
        self.drop = nn.Dropout(0.3)
        self.fc1 = nn.Linear(32 * 2 * 2, 128)
        self.fc2 = nn.Linear(128, CLASSES)

    def forward(self, x: rustorch.Tensor) -> rustorch.Tensor:
        x = F.relu(self.conv2(F.relu(self.conv1(x))))
        x = F.max_pool2d(x, 2).flatten(1)
        return self.fc2(self.drop(F.relu(self.fc1(x))))


def train_by_hand(train: TensorDataset, test: TensorDataset, epochs: int) -> float:
    """Return the test accuracy of the same network trained by an explicit loop."""
    net = Net()
    optimizer = optim.Adam(net.parameters(), lr=1e-3)
    scheduler = optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=epochs)
    for epoch in range(epochs):
        net.train()
        total = 0.0
        for images, labels in DataLoader(train, batch_size=64, shuffle=True):
            optimizer.zero_grad()
            loss = F.cross_entropy(net(images), labels)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(labels)
        scheduler.step()
        print(f"  epoch {epoch + 1:2d}/{epochs}  loss {total / len(train):.4f}")
    net.eval()
    with rustorch.no_grad():
        hits = sum(int((net(x).argmax(1) == y).sum()) for x, y in DataLoader(test, batch_size=256))
    return hits / len(test)


def main() -> None:
    """Train both ways, save the pictures and the model, and check that the saved model predicts the same."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--out", type=Path, default=Path("digits-output"), help="where the pictures and the model go"
    )
    parser.add_argument("--epochs", type=int, default=12)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)

    rustorch.manual_seed(0)
    train, test = load()
    print(
        f"{len(train)} images to learn from, {len(test)} to test on, device {rustorch.get_default_device()}\n"
    )

    print("Model.fit:")
    model, history, accuracy = train_with_fit(train, test, options.epochs)
    print(f"Test accuracy (Model.fit): {accuracy:.2%}\n")

    print("A loop by hand:")
    by_hand = train_by_hand(train, test, options.epochs)
    print(f"Test accuracy (by hand):   {by_hand:.2%}\n")

    images, labels = test.tensors
    predicted = model.predict(images).argmax(1)
    plotter = Plotter()
    plotter.plot_training_history(history, save_path=options.out / "history.png")
    plotter.plot_confusion_matrix(
        confusion_matrix(predicted, labels, CLASSES), save_path=options.out / "confusion_matrix.png"
    )
    path = options.out / "digits.rustorch"
    rustorch.utils.save_model(model, path)
    again = rustorch.utils.load_model(path).predict(images).argmax(1)
    if not rustorch.equal(predicted, again):
        raise SystemExit("the loaded model predicts differently from the saved one")
    print(f"Saved {path}: loaded again, it gives the same {len(labels)} predictions.")
    print(f"Pictures: {options.out / 'history.png'}, {options.out / 'confusion_matrix.png'}")
    if min(accuracy, by_hand) < 0.97:
        raise SystemExit("the accuracy is below 97 %")


if __name__ == "__main__":
    main()
