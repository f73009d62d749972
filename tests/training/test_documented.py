"""The examples of the documented API, as users write them."""
# ruff: noqa: NPY002, T201

import numpy as np

import rustorch


def test_linear_regression(capsys):
    np.random.seed(42)
    X = np.random.randn(100, 1).astype(np.float32)
    y = 2 * X + 1 + 0.1 * np.random.randn(100, 1).astype(np.float32)

    X_tensor = rustorch.from_numpy(X)
    y_tensor = rustorch.from_numpy(y)

    model = rustorch.Model()
    model.add("Dense(1)")
    model.compile(optimizer="sgd", loss="mse")

    dataset = rustorch.data.TensorDataset(X_tensor, y_tensor)
    dataloader = rustorch.data.DataLoader(dataset, batch_size=10)

    history = model.fit(dataloader, epochs=100, verbose=True)

    print(f"Final loss: {history.train_loss()[-1]:.4f}")
    assert history.train_loss()[-1] < 0.02
    assert "Epoch 100/100" in capsys.readouterr().out


def test_classification(capsys):
    rng = np.random.default_rng(0)
    labels = np.arange(600) % 10
    centres = rng.normal(size=(10, 20)) * 2
    inputs = (centres[labels] + rng.normal(size=(600, 20))).astype(np.float32)
    train_X, train_y = rustorch.tensor(inputs[:400]), rustorch.tensor(labels[:400])
    val_loader = rustorch.data.DataLoader(
        rustorch.data.TensorDataset(rustorch.tensor(inputs[400:500]), rustorch.tensor(labels[400:500])),
        batch_size=64,
    )
    test_loader = rustorch.data.DataLoader(
        rustorch.data.TensorDataset(rustorch.tensor(inputs[500:]), rustorch.tensor(labels[500:])),
        batch_size=64,
    )

    train_dataset = rustorch.data.TensorDataset(train_X, train_y)
    train_loader = rustorch.data.DataLoader(train_dataset, batch_size=64, shuffle=True)

    model = rustorch.Model("RedeClassificação")
    model.add("Dense(128, activation=relu)")
    model.add("Dropout(0.3)")
    model.add("Dense(64, activation=relu)")
    model.add("Dense(10, activation=softmax)")

    model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])

    config = rustorch.training.TrainerConfig(epochs=50, learning_rate=0.001, validation_frequency=5)
    trainer = rustorch.training.Trainer(config)

    history = trainer.train(model, train_loader, val_loader)

    metrics = model.evaluate(test_loader)
    print(f"Test accuracy: {metrics['accuracy']:.4f}")
    assert metrics["accuracy"] > 0.9
    assert len(history.train_loss()) == 50
    assert len(history.val_loss()) == 10
    assert "Test accuracy: " in capsys.readouterr().out


def test_fit_in_one_line():
    x = rustorch.randn((64, 20))
    y = rustorch.randint(0, 10, (64,))
    train_data, val_data = (x, y), (x, y)

    model = rustorch.Model()
    model.add("Dense(64, activation=relu)")
    model.add("Dense(10, activation=softmax)")
    model.compile(optimizer="adam", loss="categorical_crossentropy")

    history = model.fit(train_data, validation_data=val_data, epochs=10)
    assert history.val_loss()[-1] < history.val_loss()[0]
