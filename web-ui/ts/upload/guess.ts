// Guesses from a file's name: what the lists of the form offer, found in the name. A guess is dashed until it is
// looked at; a field that a person has touched is never guessed again.
import { icon, stem } from "./format";

const KIND_BY_ICON: Record<string, string> = { courseware: "courseware", video: "video", audio: "audio", image: "image", ebook: "ebook" };

export class Guesses {
  private readonly touched = new Set<string>();

  constructor(
    private readonly form: HTMLFormElement,
    private readonly note: HTMLElement,
  ) {
    for (const type of ["input", "change"]) {
      form.addEventListener(type, (event) => {
        const field = event.target as HTMLInputElement;
        if (event.isTrusted && field.name) this.settle(field);
      });
    }
    // What the node filled in (a new version's title, say) is no guess.
    for (const name of ["title", "subject", "level", "kind"]) if (this.field(name)?.value) this.touched.add(name);
  }

  /** Looks at the files' names: the first gives the title, the first that knows gives the rest. */
  from(names: string[]): void {
    const first = names[0];
    if (first === undefined) return;
    this.propose("title", stem(first).replace(/_+/g, " "));
    for (const list of ["subject", "level", "kind"]) {
      this.propose(list, names.map((name) => this.named(list, stem(name))).find(Boolean) ?? "");
    }
    if (!this.field("kind")?.value) this.propose("kind", KIND_BY_ICON[icon(first)] ?? "");
    this.note.hidden = !this.form.querySelector(".guessed");
  }

  accept(): void {
    for (const field of Array.from(this.form.querySelectorAll<HTMLInputElement>(".guessed"))) this.settle(field);
  }

  private field(name: string): HTMLInputElement | HTMLSelectElement | null {
    return this.form.querySelector(`[name="${name}"]`);
  }

  /** The value of the list whose name stands in the words; the longest name wins. */
  private named(name: string, words: string): string {
    const list = this.field(name);
    if (!(list instanceof HTMLSelectElement)) return "";
    let best = "";
    let length = 1;
    for (const option of Array.from(list.options)) {
      if (option.value && option.text.length > length && words.includes(option.text)) {
        best = option.value;
        length = option.text.length;
      }
    }
    return best;
  }

  private propose(name: string, value: string): void {
    const field = this.field(name);
    if (!field || !value || this.touched.has(name)) return;
    field.value = value;
    field.classList.add("guessed");
  }

  private settle(field: HTMLInputElement): void {
    this.touched.add(field.name);
    field.classList.remove("guessed");
    this.note.hidden = !this.form.querySelector(".guessed");
  }
}
