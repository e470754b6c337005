// The page of uploading. Bytes go up at once and beside the form; publishing waits for them. Without this script the
// same form posts itself (multipart) and the node does the rest.
import { size, wordsOf } from "./format";
import { Guesses } from "./guess";
import { publish } from "./publish";
import { Queue, type Item } from "./queue";
import { Refused } from "./transport";

function start(form: HTMLFormElement): void {
  const find = <T extends HTMLElement>(selector: string): T | null => form.querySelector<T>(selector);
  const words = wordsOf(form.dataset["words"] ?? "{}");
  const input = find<HTMLInputElement>("#upload-files");
  const list = find("[data-queue]");
  const drop = find("[data-drop]");
  const said = find("[data-said]");
  const note = find("[data-guess-note]");
  const title = find<HTMLInputElement>("#title");
  if (!input || !list || !drop || !said || !note || !title) return;

  form.classList.add("scripted");
  for (const shown of Array.from(form.querySelectorAll<HTMLElement>("[data-with-script]"))) shown.hidden = false;
  for (const gone of Array.from(form.querySelectorAll<HTMLElement>("[data-without-script]"))) gone.hidden = true;
  // From here on the files travel by themselves; the form must not carry them as well.
  input.removeAttribute("name");

  const guesses = new Guesses(form, note);
  const published = new Map<Item, string>();
  let wanted = false;
  let leaving = false;

  const together = (): boolean => find<HTMLInputElement>('[name="together"]:checked')?.value !== "0";
  const say = (text: string, bad = false): void => {
    said.textContent = text;
    said.classList.toggle("bad", bad);
  };

  const show = (): void => {
    const items = queue.wanted;
    const all = items.reduce((sum, item) => sum + item.file.size, 0);
    const sent = items.reduce((sum, item) => sum + item.sent, 0);
    const any = queue.items.length > 0;
    list.hidden = !any;
    const head = find("[data-list-head]");
    if (head) head.hidden = !any;
    const empty = find("[data-empty]");
    if (empty) empty.hidden = any;
    const count = find("[data-count]");
    if (count) count.textContent = words("files", { n: queue.items.length });
    const progress = find("[data-progress]");
    if (progress) progress.textContent = words("sent", { size: size(all), percent: all ? Math.floor((sent * 100) / all) : 0 });
    const apart = items.length > 1 && !together();
    const either = find(".either");
    if (either) either.hidden = items.length < 2;
    const hint = find("[data-apart-hint]");
    if (hint) hint.hidden = !apart;
    title.disabled = apart;
    const aboutForm = find("[data-about]");
    if (aboutForm) aboutForm.textContent = any && !apart ? words("title-file", { title: title.value, n: items.length }) : "";
    if (wanted) void finish();
  };
  const queue = new Queue(list, words, form.dataset["icons"] ?? "", show);

  const take = (files: FileList | null): void => {
    if (!files || files.length === 0) return;
    queue.add(Array.from(files));
    guesses.from(queue.wanted.map((item) => item.file.name));
    show();
  };

  async function finish(): Promise<void> {
    if (queue.stuck) {
      wanted = false;
      say(words("failed-some", { n: queue.stuck }), true);
      return;
    }
    if (!queue.finished) {
      say(words("wait-for-files"));
      return;
    }
    wanted = false;
    say(words("publishing"));
    try {
      const ids = await publish(form, queue.wanted, together(), published);
      leaving = true;
      window.location.assign(ids.length === 1 && ids[0] ? `/resources/${encodeURIComponent(ids[0])}?done=uploaded` : "/?done=uploaded");
    } catch (error) {
      const status = error instanceof Refused ? error.status : 0;
      const why = error instanceof Refused ? error.message || words("unknown") : words("lost");
      say(status === 401 ? words("login") : words("not-published", { why }), true);
    }
  }

  input.addEventListener("change", () => {
    take(input.files);
    // The same file may be chosen again after it was taken off the list.
    input.value = "";
  });
  drop.addEventListener("keydown", (event) => {
    if ((event.target as HTMLElement).tagName === "LABEL" && (event.key === "Enter" || event.key === " ")) {
      event.preventDefault();
      input.click();
    }
  });
  for (const type of ["dragover", "dragenter"]) {
    drop.addEventListener(type, (event) => {
      event.preventDefault();
      drop.classList.add("over");
    });
  }
  drop.addEventListener("dragleave", () => drop.classList.remove("over"));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    take(event.dataTransfer?.files ?? null);
  });
  form.addEventListener("change", show);
  title.addEventListener("input", show);
  find("[data-accept]")?.addEventListener("click", () => guesses.accept());
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (queue.wanted.length === 0) {
      say(words("need-files"), true);
      return;
    }
    wanted = true;
    void finish();
  });
  window.addEventListener("beforeunload", (event) => {
    if (!leaving && queue.items.length > 0 && !queue.finished) {
      event.preventDefault();
      event.returnValue = words("leave");
    }
  });
  show();
}

const form = document.querySelector<HTMLFormElement>("[data-upload]");
if (form) start(form);
