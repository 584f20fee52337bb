/* How numbers, times and names are written. */

export function percent(share, digits = 1) {
  return `${Number((share * 100).toFixed(digits))}%`;
}

export function count(number) {
  return number.toLocaleString('en');
}

export function clock(iso) {
  return new Date(iso).toLocaleTimeString('en-GB');
}

export function dateTime(iso) {
  return new Date(iso).toLocaleString('en-GB', { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' });
}

/** `8 s`, `4 min`, `3 h 20 min`, `6 d 4 h`. */
export function duration(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 120) return `${whole} s`;
  const minutes = Math.round(whole / 60);
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  return hours % 24 === 0 ? `${hours / 24} d` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

export function ago(iso, now) {
  const seconds = (now - Date.parse(iso)) / 1000;
  return seconds < 3 ? 'just now' : `${duration(seconds)} ago`;
}

/** `ops_commander` as people write it. */
export function words(name) {
  return name.replaceAll('_', ' ');
}

export function title(name) {
  const text = words(name);
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** `5_percent` is `5%`. */
export function stageName(stage) {
  return words(stage.replace('_percent', '%'));
}
