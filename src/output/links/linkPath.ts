import type { PositionSuffix } from './linkSuffix.ts';

export const pathLimit = 1024;

export const colon = 0x3a;
export const slash = 0x2f;
const backslash = 0x5c;
const dot = 0x2e;
const tilde = 0x7e;
export const atSign = 0x40;

/** What can be told of a path by its text. */
export interface PathShape {
  readonly start: number;
  readonly end: number;
  readonly hasSeparator: boolean;
  readonly hasExtension: boolean;
  /** Where the name begins. */
  readonly name: number;
}

/** Names without an extension that build tools report positions in. */
const knownNames = new Set(
  (
    'BUILD Brewfile Containerfile Dockerfile Doxyfile Earthfile GNUmakefile Gemfile Jenkinsfile ' +
    'Justfile Kconfig Makefile Podfile Procfile Rakefile SConscript SConstruct Tiltfile ' +
    'Vagrantfile WORKSPACE justfile makefile'
  ).split(' '),
);

/**
 * A name without a folder is taken for a file's if it ends like these: `user.id:12` and
 * `point.shape (3, 4)` look the same but for their last letters.
 */
const knownExtensions = new Set(
  (
    'ada adb ads asm astro awk bash bat bazel bzl c c++ cc cfg cjs clj cljc cljs cls cmake cmd coffee ' +
    'conf cpp cr cs csh cshtml css csv csx cts cu cuh cxx d dart diff dpr edn eex ejs el elm env erb ' +
    'erl ex exs f f03 f08 f77 f90 f95 feature fish for frag fs fsi fsx g4 gd gemspec geojson glsl go ' +
    'gql gradle graphql groovy h h++ haml handlebars hbs hcl heex hh hlsl hpp hrl hs hsc htm html hxx ' +
    'hx inc ini ino ipp ipynb java jinja jinja2 jl js json json5 jsonc jsonl jsp jsx kt kts l leex ' +
    'less lhs lisp lock log lua m mak make markdown md mdx mjs mk ml mli mll mly mm mts mustache ' +
    'mod nim nims nix nqp njk odin pas patch php phpt phtml pl plist pm po pod pp prisma proto ' +
    'properties ps1 psd1 psm1 pug purs pxd py pyi pyw pyx qml r rake raku rb rbi rego res resi rkt ' +
    'robot rs rst rules s sass sbt scad scala scm scss sh sol spec sql ss star styl sum sv svelte svg ' +
    'svh swift t tcl tex tf tfvars thrift tl toml tpl ts tsv tsx twig txt typ v vala vb vbs vert vhd ' +
    'vhdl vim vue wat wgsl wsdl x xaml xib xml xsd xsl xslt y yaml yml zig zsh'
  ).split(' '),
);

/** Ends of host names: `example.com/x.html` is on no disk. */
const hostEnds = new Set(
  (
    'ai app arpa biz cloud cluster co com corp de dev edu eu example fr gov home info int internal ' +
    'intranet invalid io jp lan local localdomain localhost me mil net nl onion org ru svc test uk us xyz'
  ).split(' '),
);

/** Absent for what links should not lead to: a folder, or a name that may be anything. */
export function shapeOf(line: string, start: number, end: number): PathShape | undefined {
  let name = start;
  let extension = 0;
  let at = -1;
  for (let index = start; index < end; index++) {
    const code = line.charCodeAt(index);
    if (isSeparator(code)) name = index + 1;
    else if (code === dot) extension = index + 1;
    else if (code === atSign) at = index;
  }
  const hasSeparator = name > start;
  const hasExtension =
    extension > name &&
    isExtension(line, extension, end) &&
    (at < name || !/^v?\d+\.\d/.test(line.slice(at + 1, end)));
  if (name === end) return undefined;
  if (
    !hasSeparator &&
    !(hasExtension && at < 0 ? isKnown(line, extension, end) : isKnownName(line, start, end))
  )
    return undefined;
  return { start, end, hasSeparator, hasExtension, name };
}

/** Letters and digits; `owner/name.git` is a repository. */
function isExtension(line: string, start: number, end: number): boolean {
  if (!isLetter(line.charCodeAt(start)) || end - start > 12) return false;
  for (let at = start + 1; at < end; at++) {
    const code = line.charCodeAt(at);
    if (!isLetter(code) && !isDigit(code)) return at + 2 === end && line.startsWith('++', at);
  }
  return !(end - start === 3 && line.startsWith('git', start));
}

function isKnown(line: string, start: number, end: number): boolean {
  return knownExtensions.has(line.slice(start, end).toLowerCase());
}

function isKnownName(line: string, start: number, end: number): boolean {
  const length = end - start;
  return length >= 5 && length <= 13 && knownNames.has(line.slice(start, end));
}

/** Whether a path is more likely a file's than anything else. */
export function isFile(
  line: string,
  { start, end, hasSeparator, hasExtension, name }: PathShape,
  suffix: PositionSuffix | undefined,
): boolean {
  // Shares and devices: following one from a log would tell its author who reads it.
  if (isSeparator(line.charCodeAt(start)) && isSeparator(line.charCodeAt(start + 1))) return false;
  if (!hasSeparator) return suffix !== undefined;
  if (hasExtension || isKnownName(line, name, end)) {
    return suffix !== undefined || !isHost(line.slice(start, name));
  }
  if (suffix === undefined) return false;
  let digits = name;
  while (isDigit(line.charCodeAt(digits))) digits++;
  if (digits === end) return false;
  return isRooted(line, start) || suffix.position.column !== undefined;
}

/** Whether the first folder of a path has a host's name. */
function isHost(path: string): boolean {
  const first = path.slice(0, path.search(/[\\/]/));
  const lastDot = first.lastIndexOf('.');
  return lastDot > 0 && hostEnds.has(first.slice(lastDot + 1).toLowerCase());
}

/** `/x`, `./x`, `../x`, `~/x`, `C:\x` at an offset. */
export function isRooted(line: string, at: number): boolean {
  const first = line.charCodeAt(at);
  if (first === tilde) return isSeparator(line.charCodeAt(at + 1));
  if (first !== dot) return isSeparator(first) || isDrive(line, at);
  return isSeparator(line.charCodeAt(line.charCodeAt(at + 1) === dot ? at + 2 : at + 1));
}

function isSeparator(code: number): boolean {
  return code === slash || code === backslash;
}

/** `C:\` or `C:/` at an offset. */
export function isDrive(line: string, at: number): boolean {
  if (line.charCodeAt(at + 1) !== colon || !isLetter(line.charCodeAt(at))) return false;
  return isSeparator(line.charCodeAt(at + 2));
}

/** Where the first separator of a word is; -1 where there is none. */
export function firstSeparator(line: string, start: number, end: number): number {
  for (let at = start; at < end; at++) {
    if (isSeparator(line.charCodeAt(at))) return at;
  }
  return -1;
}

/** The end of a run of path characters. Brackets are among them as whole folder names only. */
export function wordEnd(line: string, start: number): number {
  let end = start;
  for (;;) {
    while (end < line.length && isPathCharacter(line.charCodeAt(end))) end++;
    const opening = line.charAt(end);
    if ((opening !== '(' && opening !== '[') || end === start) return end;
    if (!isSeparator(line.charCodeAt(end - 1))) return end;
    bracketName.lastIndex = end;
    if (!bracketName.test(line)) return end;
    end = bracketName.lastIndex;
  }
}

/** `(group)/` and `[id].tsx` of web frameworks. */
const bracketName = /(?:\([\w.-]{1,64}\)|\[{1,2}[\w.-]{1,64}\]{1,2})(?=[\\/.])/y;

/**
 * The end of a path with blanks that begins at an offset; the offset itself where there is none. A
 * blank that an option or another path follows is between two words; one before the name alone is
 * more likely between a program and its argument.
 */
export function blankPathEnd(line: string, start: number): number {
  let blank = start;
  let isInFolder = false;
  let end = isDrive(line, start) ? start + 2 : start;
  for (; end < line.length; end++) {
    const code = line.charCodeAt(end);
    if (isSeparator(code)) isInFolder = blank > start;
    else if (code === 0x20) {
      if (' -/\\.~(['.includes(line.charAt(end + 1)) && !line.startsWith(programs, end)) break;
      blank = end;
      isInFolder = false;
    } else if (line.startsWith('(x86)', end)) end += 4;
    else if (
      !isPathCharacter(code) &&
      !(code === hash && !positionHash.test(line.slice(end, end + 3)))
    )
      break;
  }
  return isInFolder ? end : start;
}

const programs = ' (x86)';
const hash = 0x23;
const positionHash = /^#L?\d/;

/** Where the name begins in a quoted path, and whether there is a blank; absent for other text. */
export function quotedSigns(
  line: string,
  start: number,
  close: number,
): { readonly nameStart: number; readonly hasBlank: boolean } | undefined {
  let nameStart = start;
  let hasBlank = false;
  for (let at = start; at < close; at++) {
    const code = line.charCodeAt(at);
    if (code === 0x20) hasBlank = true;
    else if (isSeparator(code)) nameStart = at + 1;
    else if (code < 128 && notInQuotedPaths[code] === 1) return undefined;
    else if (code === colon && line.startsWith('//', at + 1)) return undefined;
  }
  return { nameStart, hasBlank };
}

const notInPaths = ' \t"\'`<>|()[]{},;:=*?^!&#\x7f';

const notInQuotedPaths = Uint8Array.from({ length: 128 }, (_, code) =>
  '\t<>|*?"'.includes(String.fromCharCode(code)) ? 1 : 0,
);

const pathCharacters = Uint8Array.from({ length: 128 }, (_, code) =>
  code > 0x20 && !notInPaths.includes(String.fromCharCode(code)) ? 1 : 0,
);

export function isPathCharacter(code: number): boolean {
  if (code < 128) return pathCharacters[code] === 1;
  // Blanks, general punctuation, arrows, boxes and other signs around paths; the replacement.
  if (code <= 0xa0 || (code >= 0x2000 && code < 0x2c00)) return false;
  return code !== 0xab && code !== 0xbb && !(code >= 0x3000 && code < 0x3020) && code < 0xfffd;
}

export function isLetter(code: number): boolean {
  return (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a);
}

export function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}
