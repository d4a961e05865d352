// One file to the station, telling how far it is. Never throws: what went wrong is in the answer.
const token = document.querySelector('meta[name="csrf-token"]').content;

export function upload(address, blob, name, tell) {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    request.open("POST", address);
    request.setRequestHeader("X-CSRFToken", token);
    request.setRequestHeader("X-Requested-With", "fetch");
    request.responseType = "json";
    request.upload.addEventListener("progress", ({ loaded, total }) => tell(Math.floor((100 * loaded) / (total || 1))));
    request.addEventListener("load", () => {
      const said = request.response;
      if (request.status === 200) resolve({ facts: said });
      else resolve({ status: request.status, problem: request.status === 422 ? said?.problem : undefined });
    });
    for (const kind of ["error", "abort", "timeout"]) request.addEventListener(kind, () => resolve({ status: 0 }));
    const form = new FormData();
    form.append("file", blob, name);
    tell(0);
    request.send(form);
  });
}
