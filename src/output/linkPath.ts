import type { PositionSuffix } from './linkSuffix.ts';

export const pathLimit = 1024;

export const colon = 0x3a;
export const slash = 0x2f;
const backslash = 0x5c;
const dot = 0x2e;
const tilde = 0x7e;

/** What can be told of a path by its text. */
export interface PathShape {
  readonly hasSeparator: boolean;
  readonly hasExtension: boolean;
  /** Where the extension begins; or the name, where it has none. */
  readonly end: number;
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
    'less lhs lisp lock log lua m mak make markdown md mdx mjs mk ml mli mll mly mm mod mts mustache ' +
    'mod nim nims nix nqp njk odin org pas patch php phpt phtml pl plist pm po pod pp prisma proto ' +
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
export function shapeOf(path: string): PathShape | undefined {
  let separator = -1;
  let lastDot = -1;
  for (let at = 0; at < path.length; at++) {
    const code = path.charCodeAt(at);
    if (code === dot) lastDot = at;
    else if (isSeparator(code)) separator = at;
  }
  if (separator === path.length - 1) return undefined;
  const hasSeparator = separator >= 0;
  const end = Math.max(separator, lastDot) + 1;
  const hasExtension =
    lastDot > separator && isExtension(path, end) && !isPackage(path, separator + 1);
  const shape = { hasSeparator, hasExtension, end };
  return hasSeparator || isKnown(path, shape) ? shape : undefined;
}

/** Letters and digits; `owner/name.git` is a repository. */
function isExtension(path: string, start: number): boolean {
  if (!isLetter(path.charCodeAt(start)) || path.length - start > 12) return false;
  for (let at = start + 1; at < path.length; at++) {
    const code = path.charCodeAt(at);
    if (!isLetter(code) && !(code >= 0x30 && code <= 0x39)) return path.startsWith('++', at);
  }
  return !path.endsWith('.git');
}

function isKnown(path: string, { hasExtension, end }: PathShape): boolean {
  const text = path.slice(end);
  return hasExtension ? knownExtensions.has(text.toLowerCase()) : knownNames.has(text);
}

/** `name@1.2.3-rc.x` of package managers. */
function isPackage(path: string, nameStart: number): boolean {
  return path.includes('@', nameStart) && /@v?\d+\.\d/.test(path.slice(nameStart));
}

/** Whether a path is more likely a file's than anything else. */
export function isFile(
  path: string,
  shape: PathShape,
  suffix: PositionSuffix | undefined,
): boolean {
  // Shares and devices: following one from a log would tell its author who reads it.
  if (path.startsWith('//') || path.startsWith('\\\\')) return false;
  if (!shape.hasSeparator) return suffix !== undefined && !path.includes('@');
  if (shape.hasExtension || isKnown(path, shape))
    return suffix !== undefined || !isHost(firstSegment(path));
  if (suffix === undefined || /[\\/]\d*$/.test(path)) return false;
  return isRooted(path, 0) || suffix.position.column !== undefined;
}

function isHost(name: string): boolean {
  const lastDot = name.lastIndexOf('.');
  return lastDot > 0 && hostEnds.has(name.slice(lastDot + 1).toLowerCase());
}

function firstSegment(path: string): string {
  const end = path.search(/[\\/]/);
  return end < 0 ? path : path.slice(0, end);
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

/** Whether a word has what a path has: a separator, a dot, or the start of a known name. */
export function hasPathSign(line: string, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    const code = line.charCodeAt(at);
    if (code === dot || isSeparator(code)) return true;
  }
  return end - start >= 5 && end - start <= 13 && knownNames.has(line.slice(start, end));
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
 * The end of a path with blanks that begins at an offset. A blank that something like an option or
 * another path follows is between two words.
 */
export function blankPathEnd(line: string, start: number): number {
  blankPath.lastIndex = isDrive(line, start) ? start + 2 : start;
  return blankPath.test(line) ? blankPath.lastIndex : start;
}

const blankPath = /(?:[^\s"'`<>|*?:()[\]{},;=#\ufffd]+|#(?!L?\d)| (?![-\s/\\.~([])| ?\(x86\))+/y;

const notInPaths = ' \t"\'`<>|()[]{},;:=*?^!&#\x7f';

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
