
// A part that stops coming is given up, and whoever asks for it again begins afresh. A slow one has all the time it needs.
const STALLED_MS = 20_000;
const fetchPart = async (url) => {
  const given = new AbortController();
  let timer;
  const wait = () => {
    clearTimeout(timer);
    timer = setTimeout(() => given.abort(), STALLED_MS);
  };
  const watch = new TransformStream({
    transform(bytes, out) {
      wait();
      out.enqueue(bytes);
    },
    flush: () => clearTimeout(timer),
  });
  wait();
  const { body, status, headers } = await fetch(url, { signal: given.signal });
  return new Response(body && body.pipeThrough(watch), { status, headers });
};
