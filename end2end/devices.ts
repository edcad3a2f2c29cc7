/**
 * The two screens that journeys happen on: a phone like those of guards and technicians, and a tablet like the
 * desk's, lying on its side.
 */
export const PHONE = {
  viewport: { width: 412, height: 839 },
  deviceScaleFactor: 2.625,
  hasTouch: true,
  isMobile: true,
};

export const TABLET = {
  viewport: { width: 1180, height: 820 },
  deviceScaleFactor: 2,
  hasTouch: true,
  isMobile: true,
};
