/** Whether this browser draws with a GPU or only pretends to. */

const SOFTWARE = /swiftshader|llvmpipe|software|basic render/i;

let answer: boolean | null = null;

/** Without a GPU a canvas kept in main memory is several times faster. */
export function drawsInSoftware(): boolean {
  answer ??= asked();
  return answer;
}

function asked(): boolean {
  const gl = document.createElement("canvas").getContext("webgl");
  if (gl === null) return true;
  const info = gl.getExtension("WEBGL_debug_renderer_info");
  const name = String(gl.getParameter(info?.UNMASKED_RENDERER_WEBGL ?? gl.RENDERER));
  gl.getExtension("WEBGL_lose_context")?.loseContext();
  return SOFTWARE.test(name);
}
