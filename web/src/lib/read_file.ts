/** What a document needs of a file: text, a title of its own when it has one, and its path as its key. */
export interface ReadDocument {
  key: string;
  title: string;
  content: string;
}

export const kReadable = [".txt", ".md", ".markdown", ".rst", ".html", ".htm", ".json", ".csv", ".log"];
const kLongestTitle = 255;
const kLongestKey = 512;

export const isReadable = (name: string): boolean => kReadable.some((ending) => name.toLowerCase().endsWith(ending));

const blocks = new Set("ADDRESS ARTICLE ASIDE BLOCKQUOTE DD DIV DL DT FIELDSET FIGCAPTION FIGURE FORM H1 H2 H3 H4 H5 H6 HR LI MAIN OL P PRE SECTION TABLE TR UL".split(" "));
const unread = "script,style,noscript,template,nav,footer,aside,head,svg,iframe";

/** A page as its reader reads it: paragraphs apart by blank lines, headings and list items marked. */
function textOfHtml(page: Document): string {
  for (const element of page.querySelectorAll(unread)) element.remove();
  let text = "";
  const visit = (node: Node) => {
    if (node.nodeType === Node.TEXT_NODE) {
      const pre = node.parentElement?.closest("pre");
      text += pre ? node.nodeValue : (node.nodeValue ?? "").replace(/\s+/g, " ");
      return;
    }
    if (node.nodeType !== Node.ELEMENT_NODE) return;
    const tag = (node as Element).tagName;
    if (tag === "BR") text += "\n";
    if (blocks.has(tag)) text += "\n\n";
    if (/^H[1-6]$/.test(tag)) text += `${"#".repeat(Number(tag[1]))} `;
    if (tag === "LI") text += "- ";
    for (const child of node.childNodes) visit(child);
    if (tag === "TD" || tag === "TH") text += " | ";
    if (blocks.has(tag)) text += "\n\n";
  };
  for (const child of page.body.childNodes) visit(child);
  return text
    .replace(/[ \t]+\n/g, "\n")
    .replace(/\n{3,}/g, "\n\n")
    .replace(/(^|\n)- \n+/g, "$1- ")
    .trim();
}

function titleOfText(name: string, text: string): string {
  const heading = /\.(md|markdown)$/i.test(name) ? /^#{1,6}\s+(.+?)\s*#*$/m.exec(text) : /^(\S.{0,200})\n(={3,}|-{3,}|~{3,}|\*{3,})\s*$/m.exec(text.slice(0, 4000));
  return heading?.[1]?.trim() ?? "";
}

const tidy = (title: string): string => [...title.replace(/\s+/g, " ").trim()].slice(0, kLongestTitle).join("");

/** Throws an Error in words for people when the file cannot become a document. */
export async function readFile(file: File, path: string): Promise<ReadDocument> {
  if (!isReadable(file.name)) throw new Error(`not a text that can be read (${kReadable.join(" ")})`);
  if (new TextEncoder().encode(path).length > kLongestKey) throw new Error(`its path is longer than ${kLongestKey} bytes`);
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer());
  } catch {
    throw new Error("not UTF-8 text");
  }
  const name = path.slice(path.lastIndexOf("/") + 1);
  if (/\.html?$/i.test(name)) {
    const page = new DOMParser().parseFromString(text, "text/html");
    const title = page.title || page.querySelector("h1")?.textContent || name;
    return checked({ key: path, title: tidy(title), content: textOfHtml(page) });
  }
  if (/\.json$/i.test(name)) {
    const known = documentOfJson(text);
    if (known) return checked({ key: path, title: tidy(known.title || name), content: known.content });
  }
  return checked({ key: path, title: tidy(titleOfText(name, text) || name), content: text });
}

/** `{"title": …, "content": …}`, as clients of the API have it at hand; other JSON is a text like any other. */
function documentOfJson(text: string): { title: string; content: string } | null {
  try {
    const value = JSON.parse(text) as { title?: unknown; content?: unknown } | null;
    if (typeof value?.content !== "string") return null;
    return { title: typeof value.title === "string" ? value.title : "", content: value.content };
  } catch {
    return null;
  }
}

function checked(document: ReadDocument): ReadDocument {
  if (document.content.trim() === "") throw new Error("it has no text");
  if (document.content.includes("\0")) throw new Error("it has a NUL character: not a text");
  return document;
}

/** The files of what was dropped, folders walked through, each with its path. */
export async function filesOfDrop(transfer: DataTransfer): Promise<{ file: File; path: string }[]> {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
  const found: { file: File; path: string }[] = [];
  const walk = async (entry: FileSystemEntry): Promise<void> => {
    if (entry.isFile) {
      const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
      found.push({ file, path: entry.fullPath.replace(/^\//, "") });
      return;
    }
    const reader = (entry as FileSystemDirectoryEntry).createReader();
    for (;;) {
      const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
      if (some.length === 0) return;
      for (const inside of some) await walk(inside);
    }
  };
  for (const entry of entries) await walk(entry);
  return found.filter(({ path }) => !path.split("/").some((part) => part.startsWith(".")));
}
