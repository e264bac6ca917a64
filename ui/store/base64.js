// Pictures as text and back.

/**
 * @param {Blob} blob
 * @returns {Promise<string>}
 */
export function toBase64(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result).replace(/^[^,]*,?/, "")); // An empty blob gives "data:".
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(blob);
  });
}

/**
 * @param {string} text
 * @param {string} type
 * @returns {Blob}
 * @throws {DOMException} Where it is not base64.
 */
export function fromBase64(text, type) {
  // Not `fetch("data:…")`: the page may only connect to its own server.
  const characters = atob(text);
  const bytes = new Uint8Array(characters.length);
  for (let at = 0; at < characters.length; at += 1) bytes[at] = characters.charCodeAt(at);
  return new Blob([bytes], { type });
}
