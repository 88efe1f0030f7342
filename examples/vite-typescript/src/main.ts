import { open, WherryError } from "wherry";
import type { Handle } from "wherry";

declare module "wherry" {
  interface Tasks {
    "text.count": { in: string; out: number };
    "text.loud": { in: string; out: { text: string; attempt: number } };
  }
}

const queue = await open({ url: "indexeddb:vite-typescript", assets: "/wherry/", tasks: ["/jobs.py"] });
await queue.task("text.loud", (text, { attempt }) => ({ text: text.toUpperCase(), attempt }), { maxAttempts: 2 });

const form = document.querySelector<HTMLFormElement>("#form")!;
form.addEventListener("submit", (event) => {
  event.preventDefault();
  const text = String(new FormData(form).get("text"));
  void show("#words", queue.submit("text.count", text), String);
  void show("#loud", queue.submit("text.loud", text), (loud) => loud.text);
});

async function show<T>(place: string, submitted: Promise<Handle<T>>, tell: (output: T) => string) {
  const output = document.querySelector<HTMLOutputElement>(place)!;
  try {
    output.textContent = tell(await (await submitted).result());
  } catch (error) {
    output.textContent = error instanceof WherryError ? error.message : String(error);
  }
}

form.dataset.ready = "true";
