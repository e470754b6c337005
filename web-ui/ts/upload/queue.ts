// The list of files: one row each with its bar and state, sent one after the other.
import { about, icon, size, type Words } from "./format";
import { Refused, sendFile, Stop, Stopped } from "./transport";

type State = "waiting" | "sending" | "done" | "failed";

/** Left behind by office programs and systems; nobody means to share them. */
const TEMPORARY = /^(~\$|\.)|^(thumbs\.db|desktop\.ini)$/i;

export class Item {
  state: State = "waiting";
  sent = 0;
  upload = "";
  readonly stop = new Stop();
  readonly row = document.createElement("li");
  private readonly said = document.createElement("span");
  private readonly bar = document.createElement("progress");
  private began = 0;
  private beganAt = 0;

  constructor(
    readonly file: File,
    private readonly words: Words,
    private readonly icons: string,
    private readonly changed: () => void,
    remove: (item: Item) => void,
  ) {
    this.said.className = "state";
    this.bar.max = Math.max(1, file.size);
    this.bar.setAttribute("aria-label", file.name);
    const close = document.createElement("button");
    close.type = "button";
    close.className = "remove";
    close.setAttribute("aria-label", `${words("remove")} ${file.name}`);
    close.append(drawn(icons, "close"));
    close.addEventListener("click", () => remove(this));
    this.row.append(drawn(icons, icon(file.name)), text("name", file.name), text("size", size(file.size)), this.said, close, this.bar);
    this.show();
    if (file.size === 0) this.fail(words("empty"), false);
  }

  async run(): Promise<void> {
    this.row.querySelector(".again")?.remove();
    this.state = "sending";
    this.beganAt = 0;
    this.show();
    try {
      this.upload = await sendFile(this.file, { sent: (n) => this.moved(n), retrying: (s) => this.say("retrying", { n: s }) }, this.stop);
      this.state = "done";
      this.sent = this.file.size;
      this.show();
    } catch (error) {
      if (error instanceof Stopped) return;
      // A name or a size that is refused stays refused; signing in, room and a link may come.
      const final = error instanceof Refused && [400, 413, 415].includes(error.status);
      this.fail(this.words("failed", { why: this.why(error) }), !final);
    }
  }

  private why(error: unknown): string {
    if (!(error instanceof Refused)) return this.words("lost");
    return error.status === 401 ? this.words("login") : error.message || this.words("unknown");
  }

  private moved(bytes: number): void {
    if (!this.beganAt) {
      this.beganAt = Date.now();
      this.began = bytes;
    }
    this.sent = bytes;
    this.show();
  }

  private fail(why: string, retry: boolean): void {
    this.state = "failed";
    this.show();
    this.said.textContent = why;
    if (!retry) return;
    const again = document.createElement("button");
    again.type = "button";
    again.className = "button small again";
    again.textContent = this.words("again");
    again.addEventListener("click", () => {
      again.remove();
      this.state = "waiting";
      this.show();
    });
    this.row.append(again);
  }

  private say(key: string, values: Record<string, string | number> = {}): void {
    this.said.textContent = this.words(key, values);
  }

  private show(): void {
    this.row.className = this.state;
    this.bar.value = this.sent;
    this.bar.hidden = this.state !== "sending" && !(this.state === "failed" && this.sent > 0);
    if (this.state === "waiting") this.say("waiting");
    if (this.state === "done") {
      this.said.textContent = "";
      this.said.append(drawn(this.icons, "check"), this.words("done"));
    }
    if (this.state === "sending") {
      const missing = this.file.size - this.sent;
      const seconds = (Date.now() - this.beganAt) / 1000;
      const rate = (this.sent - this.began) / seconds;
      // A rate from less than a second says nothing yet.
      if (this.beganAt && seconds >= 1 && rate > 0) this.say("sending-time", { missing: size(missing), time: about(this.words, missing / rate) });
      else this.say("sending", { missing: size(missing) });
    }
    this.changed();
  }
}

export class Queue {
  readonly items: Item[] = [];
  private skipped = 0;
  private running = false;
  private readonly note = document.createElement("li");

  constructor(
    private readonly list: HTMLElement,
    private readonly words: Words,
    private readonly icons: string,
    private readonly changed: () => void,
  ) {
    this.note.className = "note";
  }

  add(files: File[]): void {
    for (const file of files) {
      if (TEMPORARY.test(file.name)) {
        this.skipped += 1;
        continue;
      }
      if (this.items.some(({ file: known }) => known.name === file.name && known.size === file.size)) continue;
      const item = new Item(file, this.words, this.icons, () => this.onChange(), (gone) => this.remove(gone));
      this.items.push(item);
      this.list.append(item.row);
    }
    if (this.skipped) {
      this.note.textContent = this.words("temporary", { n: this.skipped });
      this.list.append(this.note);
    }
    this.onChange();
  }

  /** What is published: every file but those that cannot be sent. */
  get wanted(): Item[] {
    return this.items.filter((item) => item.file.size > 0);
  }

  get finished(): boolean {
    return this.wanted.length > 0 && this.wanted.every((item) => item.state === "done");
  }

  get stuck(): number {
    return this.wanted.filter((item) => item.state === "failed").length;
  }

  private remove(item: Item): void {
    item.stop.now();
    item.row.remove();
    this.items.splice(this.items.indexOf(item), 1);
    this.onChange();
  }

  private onChange(): void {
    this.changed();
    void this.pump();
  }

  private async pump(): Promise<void> {
    if (this.running) return;
    this.running = true;
    for (let next = this.next(); next; next = this.next()) await next.run();
    this.running = false;
    this.changed();
  }

  private next(): Item | undefined {
    return this.items.find((item) => item.state === "waiting");
  }
}

function drawn(icons: string, name: string): SVGSVGElement {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `${icons}#${name}`);
  svg.append(use);
  return svg;
}

function text(className: string, words: string): HTMLSpanElement {
  const span = document.createElement("span");
  span.className = className;
  span.textContent = words;
  return span;
}
