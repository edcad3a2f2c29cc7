// tus-js-client against the real server. Argument: what to do, as JSON; output: what happened, as one line of JSON.

import { createReadStream } from "node:fs";
import { FileUrlStorage } from "tus-js-client/lib.esm/node/urlStorage.js";
import * as tus from "tus-js-client";

const { task, endpoint, cookie, file, metadata, chunk, urls } = JSON.parse(process.argv[2]);

const answers = [];

function upload(options, done) {
  return new tus.Upload(createReadStream(file), {
    endpoint,
    metadata,
    headers: { Cookie: cookie },
    chunkSize: chunk,
    retryDelays: null,
    urlStorage: new FileUrlStorage(urls),
    fingerprint: async () => metadata.name,
    onAfterResponse: (request, response) => {
      const offset = response.getHeader("Upload-Offset") ?? null;
      answers.push([request.getMethod(), response.getStatus(), offset]);
    },
    onSuccess: () => done.resolve(),
    onError: (error) => done.reject(error),
    ...options,
  });
}

/** Sends all of it. */
async function whole(options = {}) {
  const done = deferred();
  const sending = upload(options, done);
  const previous = await sending.findPreviousUploads();
  if (previous.length > 0) sending.resumeFromPreviousUpload(previous[0]);
  sending.start();
  await done.promise;
  return { url: sending.url, resumed: previous.length > 0 };
}

/** Stops after the first chunk; with `terminate`, gives the upload up. */
async function begin(terminate) {
  const done = deferred();
  const sending = upload(
    {
      // An upload that is given up is not remembered: that would still be under way when it is to be forgotten.
      storeFingerprintForResuming: !terminate,
      onChunkComplete: () => sending.abort(terminate).then(done.resolve, done.reject),
    },
    done,
  );
  sending.start();
  await done.promise;
  return { url: sending.url };
}

function deferred() {
  const done = {};
  done.promise = new Promise((resolve, reject) => Object.assign(done, { resolve, reject }));
  return done;
}

const tasks = {
  whole: () => whole(),
  whole_in_one_request: () => whole({ uploadDataDuringCreation: true, chunkSize: Infinity }),
  begin: () => begin(false),
  terminate: () => begin(true),
};
const result = await tasks[task]();
console.log(JSON.stringify({ ...result, answers }));
// A connection that is kept alive would keep this process alive too.
process.exit(0);
