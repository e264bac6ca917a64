// The way on where storage is full: everything into a file. Loaded when it is wanted.

/**
 * @param {import("../store/store.js").Store} store
 */
export async function exportToFile(store) {
  const [{ exportAll }, { saveFile }] = await Promise.all([
    import("../store/transfer.js"),
    import("../views/save_file.js"),
  ]);
  saveFile(await exportAll(store), `llms-chats-${new Date().toISOString().slice(0, 10)}.json`);
}
