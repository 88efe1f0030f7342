// A page that runs one job by itself and says the result in its title, for policies under which no test may evaluate code.
const { base, task } = Object.fromEntries(new URLSearchParams(location.search));
const { open } = await import(`${base}wherry.js`);
try {
  const queue = await open({ url: "indexeddb:alone", tasks: [task] });
  document.title = await (await queue.submit("echo", "done")).result();
} catch (error) {
  document.title = error.code ?? String(error);
}
