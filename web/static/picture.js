// The picture while it grows: only tiles that are new are fetched, and laid on the canvas.

const HEADER_BYTES = 16;  // x, y: 32 bits; columns, rows: 16 bits; length: 32 bits; little-endian
const TILES = 256;
const PREVIEW_OPACITY = 0.45;
const SIDE_MAX = 2048;  // a larger canvas would need more memory than a phone has

export class Picture {
  constructor(root) {
    this.root = root;
    this.frame = root.querySelector(".frame");
    this.cursor = "";  // where to go on; it is the server's own
    this.seen = 0;
    this.wanted = 0;
    this.busy = false;
    this.canvas = root.querySelector("canvas");
    if (this.canvas) this.prepare();
    this.zooming();
  }

  prepare() {
    const { width, height } = this.canvas;
    this.shrink = Math.ceil(Math.max(width, height) / SIDE_MAX);
    this.fit(width, height);
    if (this.shrink > 1) {
      this.canvas.width = Math.ceil(width / this.shrink);
      this.canvas.height = Math.ceil(height / this.shrink);
    }
    this.paper = this.canvas.getContext("2d");
    this.brush = new OffscreenCanvas(1, 1);
    if (this.canvas.dataset.preview) this.preview(this.canvas.dataset.preview);
  }

  // What the picture will show, dimmed, behind the tiles: they may have come first.
  async preview(address) {
    const image = new Image();
    image.src = address;
    await image.decode().catch(() => {});
    if (!image.naturalWidth || !this.canvas) return;
    this.paper.save();
    this.paper.globalCompositeOperation = "destination-over";
    this.paper.globalAlpha = PREVIEW_OPACITY;
    this.paper.drawImage(image, 0, 0, this.canvas.width, this.canvas.height);
    this.paper.restore();
  }

  // CSS needs to know the shape to fit any picture into any window.
  fit(width, height) {
    this.frame.style.setProperty("--shape", String(width / height));
    this.frame.style.setProperty("--columns", `${width}px`);
  }

  arrived({ arrived }) {
    this.wanted = arrived;
    if (arrived < this.seen) this.seen = 0;  // a store that lost entries lists from the start
    if (!this.busy && this.canvas) this.fetch();
  }

  async fetch() {
    this.busy = true;
    try {
      while (this.seen < this.wanted && this.canvas) {
        const query = `?after=${this.cursor}&limit=${TILES}`;
        const reply = await fetch(this.canvas.dataset.tiles + query);
        if (!reply.ok) break;
        const seen = Number(reply.headers.get("X-Hydra-Arrived"));
        const tiles = await reply.arrayBuffer();
        if (!tiles.byteLength) break;
        await this.lay(tiles);
        this.cursor = reply.headers.get("X-Hydra-Cursor");
        this.seen = seen;  // fewer than before if the cursor was of a store that has gone
      }
    } catch {
      // The scheduler is away: the next event tells how many tiles there are, and asks again.
    }
    this.busy = false;
  }

  async lay(buffer) {
    const view = new DataView(buffer);
    const tiles = [];
    for (let at = 0; at < buffer.byteLength;) {
      const length = view.getUint32(at + 12, true);
      const start = at + HEADER_BYTES;
      tiles.push({
        x: view.getUint32(at, true), y: view.getUint32(at + 4, true),
        columns: view.getUint16(at + 8, true), rows: view.getUint16(at + 10, true),
        packed: new Uint8Array(buffer, start, length),
      });
      at = start + length;
    }
    const pixels = await Promise.all(tiles.map((tile) => unpacked(tile.packed)));
    tiles.forEach((tile, i) => this.draw(tile, pixels[i]));
  }

  draw({ x, y, columns, rows }, rgb) {
    const image = new ImageData(columns, rows);
    for (let from = 0, to = 0; from < rgb.length; to += 4) {
      image.data[to] = rgb[from++];
      image.data[to + 1] = rgb[from++];
      image.data[to + 2] = rgb[from++];
      image.data[to + 3] = 255;
    }
    if (this.shrink === 1) {
      this.paper.putImageData(image, x, y);
      return;
    }
    this.brush.width = columns;
    this.brush.height = rows;
    this.brush.getContext("2d").putImageData(image, 0, 0);
    const scale = 1 / this.shrink;
    this.paper.drawImage(this.brush, x * scale, y * scale, columns * scale, rows * scale);
  }

  // The finished picture takes the canvas's place once it is loaded, so that nothing flickers.
  async finish(page) {
    const fresh = page.getElementById("picture");
    const image = fresh?.querySelector("img");
    this.canvas = null;
    if (!image) {
      this.root.querySelector("h2").textContent = "Picture, as far as it came";
      return;
    }
    const shown = document.importNode(image);  // loads only as this document's own
    await shown.decode().catch(() => {});
    this.frame.replaceChildren(shown);
    this.root.querySelector("noscript")?.remove();
  }

  zooming() {
    const picture = this.frame.querySelector("canvas, img");
    if (!this.canvas && picture) {
      this.fit(Number(picture.getAttribute("width")), Number(picture.getAttribute("height")));
    }
    const button = document.createElement("button");
    button.type = "button";
    button.className = "quiet";
    button.textContent = "Actual size";
    button.addEventListener("click", () => {
      const fits = this.frame.classList.toggle("fit");
      button.textContent = fits ? "Actual size" : "Fit";
      if (fits) this.frame.removeAttribute("tabindex");
      else this.frame.tabIndex = 0;  // so that arrow keys can scroll it
    });
    this.root.querySelector("[data-zoom]").append(button);
  }
}

async function unpacked(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
