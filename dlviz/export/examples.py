"""One small example of every widget; the gallery runs each function and shows its body as the code."""

import torch
from torch import nn

import dlviz


def tensor():
    x = torch.arange(24).view(4, 6)
    return dlviz.tensor(x.T, name="x.T", index=(2, 1))


def views():
    x = torch.arange(6).view(2, 3)
    return dlviz.views(x, "x.T", "x[:, 1:]", "x.T.contiguous()", "x.T.view(6)")


def broadcast():
    column, row = torch.tensor([[0], [10], [20]]), torch.tensor([1, 2, 3, 4])
    return dlviz.broadcast(column, row)


def index():
    x = torch.arange(24).view(4, 6)
    return dlviz.index(x, "x[1:, ::2]", revealed=True)


def matmul():
    a, b = torch.arange(6).view(2, 3), torch.arange(12).view(3, 4)
    return dlviz.matmul(a, b)


def einsum():
    queries, keys = torch.arange(6).view(2, 3), torch.arange(12).view(4, 3)
    return dlviz.einsum("qd,kd->qk", queries, keys)


def graph():
    dlviz.seed(0)
    x, y = torch.randn(4, 3), torch.randn(4, 1)
    net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
    return dlviz.graph(lambda: nn.functional.mse_loss(net(x), y))


def boundary():
    dlviz.seed(0)
    x, y = dlviz.data.moons(200)
    net = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 2))
    optimizer = torch.optim.Adam(net.parameters(), lr=0.05)
    view = dlviz.boundary(net, x, y, layer=2)
    for step in range(1, 201):
        loss = nn.functional.cross_entropy(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 20 == 0:
            view.update()
    return view


def conv2d():
    digit = 16 * dlviz.data.digits().images[4:5]  # integers from 0 to 16
    sobel = torch.tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]])
    return dlviz.conv2d(digit, sobel.view(1, 1, 3, 3), step=14)


def conv_transpose2d():
    x = torch.diag(torch.tensor([1.0, 2.0, 3.0])).view(1, 1, 3, 3)
    stamp = torch.tensor([[1.0, 2.0, 1.0], [2.0, 4.0, 2.0], [1.0, 2.0, 1.0]])
    return dlviz.conv_transpose2d(x, stamp.view(1, 1, 3, 3), stride=2, selection=["input", 0, 1, 1])


def max_pool2d():
    digit = 16 * dlviz.data.digits().images[4:5]  # integers from 0 to 16
    return dlviz.max_pool2d(digit, 2)


def layers():
    dlviz.seed(0)
    images, labels = dlviz.data.digits("train")
    net = nn.Sequential(nn.Conv2d(1, 6, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(54, 10))
    optimizer = torch.optim.Adam(net.parameters(), lr=0.02)
    for _ in range(5):
        for rows in torch.randperm(len(images)).split(64):
            loss = nn.functional.cross_entropy(net(images[rows]), labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    test_images, _ = dlviz.data.digits("test")
    view = dlviz.layers(net, test_images[:4], labels=[str(n) for n in range(10)])
    view.inspect("0", channel=1)
    return view


def unroll():
    dlviz.seed(0)
    letters = torch.eye(26)
    lstm = nn.LSTM(26, 8)
    return dlviz.unroll(lstm, letters[[ord(letter) - ord("a") for letter in "hello"]], tokens="hello", step=3)


def positions():
    q, k = torch.tensor([1.0, 0.0] * 16), torch.tensor([1.0, 0.5] * 16)
    return dlviz.positions("rotary", length=64, dim=32, q=q, k=k, column=6, step=9)


def generate():
    dlviz.seed(0)
    names = dlviz.data.names()
    ids, size = names.tokenizer.encode(names.text), len(names.tokenizer)
    model = nn.Sequential(nn.Embedding(size, 16), nn.Linear(16, 64), nn.ReLU(), nn.Linear(64, size))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(200):
        places = torch.randint(len(ids) - 1, (256,))
        loss = nn.functional.cross_entropy(model(ids[places]), ids[places + 1])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return dlviz.generate(
        model.eval(), "ma", encode=names.tokenizer, steps=40, continuations=3, temperature=0.8, top_k=10, step=3
    )


def attention():
    dlviz.seed(0)
    letters = torch.eye(26)[[ord(letter) - ord("a") for letter in "attention"]][None]
    encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(26, 2, 32, batch_first=True), 2).eval()
    mask = nn.Transformer.generate_square_subsequent_mask(9)
    return dlviz.attention(encoder, letters, mask, tokens="attention", call=1, query=6)


def bpe():
    text = "\n".join(" ".join(sentence) for sentence in dlviz.data.sentences().tokens)
    return dlviz.bpe(text, merges=150, typed="the unknown naïve queen", step=24)


def duel():
    dlviz.seed(0)
    ring = dlviz.data.gaussian_ring(400)
    generator = nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 2))
    discriminator = nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 1))
    opt_g = torch.optim.Adam(generator.parameters(), lr=0.005, betas=(0.5, 0.9))
    opt_d = torch.optim.Adam(discriminator.parameters(), lr=0.01, betas=(0.5, 0.9))
    bce = nn.functional.binary_cross_entropy_with_logits

    def step_d():
        real = discriminator(view.sample_real(64))
        fake = discriminator(generator(torch.randn(64, 2)).detach())
        loss = bce(real, torch.ones_like(real)) + bce(fake, torch.zeros_like(fake))
        opt_d.zero_grad()
        loss.backward()
        opt_d.step()
        return loss

    def step_g():
        fake = discriminator(generator(torch.randn(64, 2)))
        loss = bce(fake, torch.ones_like(fake))
        opt_g.zero_grad()
        loss.backward()
        opt_g.step()
        return loss

    view = dlviz.duel(generator, discriminator, ring, modes=ring, step_d=step_d, step_g=step_g)
    view.train("both", 500)
    return view


def denoise():
    dlviz.seed(0)
    x, _ = dlviz.data.moons(300)
    x = (x - x.mean(0)) / x.std(0)
    schedule = dlviz.diffusion.linear_schedule(100, 0.001, 0.2)
    net = nn.Sequential(nn.Linear(3, 64), nn.SiLU(), nn.Linear(64, 64), nn.SiLU(), nn.Linear(64, 2))

    def model(x, t):
        return net(torch.cat((x, t[:, None] / 50 - 1), dim=1))

    view = dlviz.denoise(model, x, schedule, step=11)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.005)
    for k in range(601):
        t, noise = torch.randint(100, (300,)), torch.randn(300, 2)
        loss = (model(dlviz.diffusion.add_noise(x, t, noise, schedule), t) - noise).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if k in (50, 200, 600):
            view.update(f"step {k}")
    view.compute_steps()
    return view


def live():
    dlviz.seed(0)
    x, y = dlviz.data.moons(200)
    net = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 2))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.5)
    run = dlviz.live("moons")
    run.watch(net)
    for rows in run.steps([torch.randint(200, (32,)) for _ in range(300)]):
        scores = net(x[rows])
        loss = nn.functional.cross_entropy(scores, y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        run.log(loss=loss, accuracy=(scores.argmax(1) == y[rows]).float().mean())
    return run


def race():
    rivals = {
        "SGD": (torch.optim.SGD, {"lr": 0.05}),
        "momentum": (torch.optim.SGD, {"lr": 0.05, "momentum": 0.9}),
        "Adam": (torch.optim.Adam, {"lr": 0.1}),
    }
    return dlviz.race(rivals, "ravine", steps=60, step=12)


def profile():
    dlviz.seed(0)
    images, digits = dlviz.data.digits("train")

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1 = nn.Conv2d(1, 16, 3, padding=1)
            self.conv2 = nn.Conv2d(16, 32, 3, padding=1)
            self.head = nn.Linear(512, 10)

        def forward(self, x):
            x = torch.relu(self.conv1(x))
            x = nn.functional.max_pool2d(x, 2)
            x = torch.relu(self.conv2(x))
            return self.head(x.flatten(1))

    net = Net()
    optimizer = torch.optim.Adam(net.parameters(), lr=0.001)
    data = torch.utils.data.TensorDataset(images[:384], digits[:384])
    loader = torch.utils.data.DataLoader(data, batch_size=128, shuffle=True)

    def epoch():
        for x, y in loader:
            loss = nn.functional.cross_entropy(net(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return dlviz.profile(epoch, repeats=3, label="three steps")


def compress():
    dlviz.seed(0)
    images, digits = dlviz.data.digits("train")
    tests, answers = dlviz.data.digits("test")
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10))
    student = nn.Sequential(nn.Flatten(), nn.Linear(64, 12), nn.ReLU(), nn.Linear(12, 10))
    optimizer = torch.optim.Adam(net.parameters(), lr=0.005)
    for _ in range(100):
        loss = nn.functional.cross_entropy(net(images), digits)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    view = dlviz.compress(net, lambda net: (net(tests), answers), student=student, data=images, quantize="int8 weights")
    view.sweep([0.4, 0.6, 0.8])
    view.apply(quantize="none")
    view.sweep()
    view.apply(amount=0.7)
    return view


def latent():
    dlviz.seed(0)
    images, digits = dlviz.data.digits("train")
    anomalies = dlviz.data.digit_anomalies().anomalies
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 4))
    decoder = nn.Sequential(nn.Linear(2, 64), nn.ReLU(), nn.Linear(64, 64), nn.Sigmoid(), nn.Unflatten(1, (1, 8, 8)))
    optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=0.01)
    view = dlviz.latent(
        lambda x: encoder(x).chunk(2, dim=1), decoder, images[:400], labels=digits[:400], anomalies=anomalies
    )
    for step in range(1, 401):
        x = images[torch.randint(len(images), (128,))]
        mean, log_var = encoder(x).chunk(2, dim=1)
        code = mean + (log_var / 2).exp() * torch.randn_like(mean)
        kl = dlviz.latent_space.kl_to_standard_normal(mean, (log_var / 2).exp()).sum(1).mean()
        loss = (decoder(code) - x).square().sum((1, 2, 3)).mean() + 0.1 * kl
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 80 == 0:
            view.update()
    view.decoded_grid = True
    return view


def attribute():
    dlviz.seed(0)
    data = dlviz.data.shortcut_digits()
    net = nn.Sequential(
        *(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(256, 10)),
    )
    optimizer = torch.optim.Adam(net.parameters(), lr=0.005)
    for _ in range(100):
        rows = torch.randint(len(data.train), (128,))
        loss = nn.functional.cross_entropy(net(data.train[rows]), data.train_labels[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    view = dlviz.attribute(net, data.test[3], method="integrated_gradients")
    view.deletion_insertion()
    view.randomization()
    view.step = 24
    return view


def export_check():
    class Classifier(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed = nn.Embedding(50, 16)
            self.attention = nn.MultiheadAttention(16, 2, batch_first=True)
            self.drop = nn.Dropout(0.1)
            self.short = nn.Linear(16, 3)
            self.long = nn.Linear(16, 3)

        def forward(self, tokens):
            x = self.embed(tokens)
            x, _ = self.attention(x, x, x, need_weights=False)
            x = self.drop(x).mean(1)
            if x.norm() > 1:
                return self.long(x)
            return self.short(x)

    dlviz.seed(0)
    net = Classifier().eval()
    return dlviz.export_check(net, torch.randint(0, 50, (4, 12)), runtimes=["compile"])


def parallel():
    from torch.nn.parallel import DistributedDataParallel

    def worker(rank, world_size, x, y):
        torch.manual_seed(0)
        net = nn.Sequential(nn.Linear(16, 128), nn.ReLU(), nn.Linear(128, 1)).double()
        model = DistributedDataParallel(net)
        optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
        for _ in range(20):
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(model(x[rank::world_size]), y[rank::world_size])
            loss.backward()
            optimizer.step()
        return loss.item()

    dlviz.seed(0)
    x = torch.randn(8192, 16, dtype=torch.float64)
    return dlviz.parallel(worker, x, x.sin().sum(1, keepdim=True), nprocs=(1, 2), steps=8)


def surface():
    return dlviz.surface(lambda p: torch.sin(p[0]) * torch.cos(p[1]) + 0.05 * p.pow(2).sum(), limits=(-4, 4), view="3d")


def split():
    images, labels = dlviz.data.digits()
    return dlviz.split(images, labels, how="stratified")


def confusion():
    dlviz.seed(0)
    images, labels = dlviz.data.digits("train")
    test_images, test_labels = dlviz.data.digits("test")
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    view = dlviz.confusion(net(test_images), test_labels, inputs=test_images)
    for _ in range(5):
        for rows in torch.randperm(len(images)).split(64):
            loss = nn.functional.cross_entropy(net(images[rows]), labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        view.update(net(test_images))
    return view


def word2vec():
    sentences = dlviz.data.sentences()
    view = dlviz.word2vec(sentences, vector_size=16, lr=0.2, batch_size=16)
    view.run(1000)
    return view


def embedding():
    sentences = dlviz.data.sentences()
    view = dlviz.word2vec(sentences, vector_size=16, lr=0.2, batch_size=16)
    view.run(2000)
    return dlviz.embedding(view.vectors, word="king")
