// Hands a file to the browser's downloads.

// A browser may begin to read the file after the click; Safari has taken seconds. The address is let go after this.
const READ_WITHIN_MS = 60_000;

/**
 * @param {Blob} file
 * @param {string} name
 */
export function saveFile(file, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), READ_WITHIN_MS);
}
