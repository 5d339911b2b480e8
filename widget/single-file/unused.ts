/**
 * What of lit-html's own published code the element never reaches, as the build leaves it out of the single file: directives,
 * SVG and MathML templates, comments, bindings inside of scripts and tags, nodes and whatever else can be iterated as values,
 * templates compiled ahead, other documents and places to render into, options, and hooks for other versions. Each line is a text of lit-html and what stands in its place; the build fails where one is not there any more.
 */

/** Text of lit-html → what stands in its place. */
export const UNUSED: readonly (readonly [string, string])[] = [
  // SVG and MathML templates.
  ['l=2===i?"<svg>":3===i?"<math>":""', 'l=""'],
  ['+(2===i?"</svg>":3===i?"</math>":"")', ""],
  [
    "if(this.el=S.createElement(f,e),P.currentNode=this.el.content,2===i||3===i){const t=this.el.content.firstChild;t.replaceWith(...t.childNodes)}",
    "this.el=S.createElement(f,e),P.currentNode=this.el.content;",
  ],
  // Comments.
  [",_=/-->/g,m=/>/g", ""],
  ['"!--"===u[1]?c=_:void 0!==u[1]?c=m:void 0!==u[2]', "void 0!==u[2]"],
  [":c===_||c===m?c=v:(c=p,n=void 0)", ":c=p"],
  // Bindings inside of script, style, textarea and title, in tags and in comments.
  ["y=/^(?:script|style|textarea|title)$/i,", ""],
  ['(y.test(u[2])&&(n=RegExp("</"+u[2],"g")),c=p)', "(c=p)"],
  ["c=n??v", "c=v"],
  [
    'if(y.test(r.tagName)){const t=r.textContent.split(o),i=t.length-1;if(i>0){r.textContent=s?s.emptyScript:"";for(let s=0;s<i;s++)r.append(t[s],c()),P.nextNode(),d.push({type:2,index:++l});r.append(t[i],c())}}',
    "",
  ],
  ["else t.startsWith(o)&&(d.push({type:6,index:l}),r.removeAttribute(t))", ""],
  ["else{let t=-1;for(;-1!==(t=r.data.indexOf(o,t+1));)d.push({type:7,index:l}),t+=o.length-1}", ""],
  ["1===r.type?i=new r.ctor(h,r.name,r.strings,this,t):6===r.type&&(i=new Z(h,this,t))", "i=new r.ctor(h,r.name)"],
  [
    "class Z{constructor(t,i,s){this.element=t,this.type=6,this._$AN=void 0,this._$AM=i,this.options=s}get _$AU(){return this._$AM._$AU}_$AI(t){M(this,t)}}",
    "",
  ],
  // Directives, and what they may leave as it is.
  [
    "function M(t,i,s=t,e){if(i===E)return i;let h=void 0!==e?s._$Co?.[e]:s._$Cl;const o=a(i)?void 0:i._$litDirective$;return h?.constructor!==o&&(h?._$AO?.(!1),void 0===o?h=void 0:(h=new o(t),h._$AT(t,s,e)),void 0!==e?(s._$Co??=[])[e]=h:s._$Cl=h),void 0!==h&&(i=M(t,h._$AS(t,i.values),h,e)),i}",
    "",
  ],
  ["t=M(this,t,i),a(t)?", "a(t)?"],
  ["t!==this._$AH&&t!==E&&this._(t)", "t!==this._$AH&&this._(t)"],
  ["if((t=M(this,t,i,0)??A)===E)return;", "t??=A;"],
  // Attributes that are only a part of what is written, or several parts.
  ["const i=v[a++],s=r.getAttribute(t).split(o),e=", "const i=v[a++],e="],
  ["name:e[2],strings:s,", "name:e[2],"],
  [',s.length>2||""!==s[0]||""!==s[1]?(this._$AH=Array(s.length-1).fill(new String),this.strings=s):this._$AH=A', ""],
  [
    '_$AI(t,i=this,s,e){const h=this.strings;let o=!1;if(void 0===h)t=M(this,t,i,0),o=!a(t)||t!==this._$AH&&t!==E,o&&(this._$AH=t);else{const e=t;let n,r;for(t=h[0],n=0;n<h.length-1;n++)r=M(this,e[s+n],i,n),r===E&&(r=this._$AH[n]),o||=!a(r)||r!==this._$AH[n],r===A?t=A:t!==A&&(t+=(r??"")+h[n+1]),this._$AH[n]=r}o&&!e&&this.j(t)}',
    "_$AI(t){a(t)&&t===this._$AH||this.j(this._$AH=t)}",
  ],
  ["void 0!==s&&(void 0!==s.strings?(s._$AI(t,s,i),i+=s.strings.length-2):s._$AI(t[i])),i++", "s._$AI(t[i++])"],
  // Values that are nodes, or can be iterated and are no arrays.
  ['"function"==typeof t?.[Symbol.iterator]', "!1"],
  ["void 0!==t.nodeType?this.T(t):", ""],
  // Other documents, other places to render into, and options for both.
  [
    "u(t){const{el:{content:i},parts:s}=this._$AD,e=(t?.creationScope??l).importNode",
    "u(){const{el:{content:i},parts:s}=this._$AD,e=l.importNode",
  ],
  [
    "const e=s?.renderBefore??i;let h=e._$litPart$;if(void 0===h){const t=s?.renderBefore??null;e._$litPart$=h=new k(i.insertBefore(c(),t),t,void 0,s??{})}return h._$AI(t),h",
    "(i._$litPart$??=new k(i.appendChild(c()),null))._$AI(t)",
  ],
  // What is connected and what is not matters to directives alone.
  ["get parentNode(){return this._$AM.parentNode}get _$AU(){return this._$AM._$AU}u()", "u()"],
  ["get _$AU(){return this._$AM?._$AU??this._$Cv}", ""],
  ["get _$AU(){return this._$AM._$AU}constructor(t,i,s,e,h)", "constructor(t,i)"],
  [",this.options=e,this._$Cv=e?.isConnected??!0", ""],
  ["for(this._$AP?.(!1,!0,s);t!==", "for(;t!=="],
  ["setConnected(t){void 0===this._$AM&&(this._$Cv=t,this._$AP?.(t))}", ""],
  [
    "get parentNode(){let t=this._$AA.parentNode;const i=this._$AM;return void 0!==i&&11===t?.nodeType&&(t=i.parentNode),t}get startNode(){return this._$AA}get endNode(){return this._$AB}",
    "",
  ],
  ["get tagName(){return this.element.tagName}", ""],
  ["this.type=2,", ""],
  ["this.type=1,", ""],
  ["constructor(){super(...arguments),this.type=3}", ""],
  ["constructor(){super(...arguments),this.type=4}", ""],
  ["constructor(t,i,s,e,h){super(t,i,s,e,h),this.type=5}", ""],
  ["constructor(t,i){this._$AV=[],this._$AN=void 0,this._$AD=t,this._$AM=i", "constructor(t){this._$AV=[],this._$AD=t"],
  ["new R(e,this)", "new R(e)"],
  ["constructor(t,i,s,e){", "constructor(t,i){"],
  ["new k(h,h.nextSibling,this,t)", "new k(h,h.nextSibling)"],
  ["new k(this.O(c()),this.O(c()),this,this.options)", "new k(this.O(c()),this.O(c()))"],
  [",this.options=h", ""],
  ["u(this.options)", "u()"],
  ["this._$AN=void 0,this._$AA=t,this._$AB=i,this._$AM=s", "this._$AA=t,this._$AB=i"],
  ["this._$AN=void 0,this.element=t,this.name=i,this._$AM=e", "this.element=t,this.name=i"],
  // Templates compiled ahead, and listeners that are objects.
  ["const{values:i,_$litType$:s}=t,", "const{values:i}=t,"],
  [
    'e="number"==typeof s?this._$AC(t):(void 0===s.el&&(s.el=S.createElement(V(s.h,s.h[0]),this.options)),s)',
    "e=this._$AC(t)",
  ],
  [
    '"function"==typeof this._$AH?this._$AH.call(this.options?.host??this.element,t):this._$AH.handleEvent(t)',
    "this._$AH(t)",
  ],
  ["e=t===A&&s!==A||t.capture!==s.capture||t.once!==s.once||t.passive!==s.passive", "e=t===A&&s!==A"],
  // What only who writes templates would read.
  ['"invalid template strings array"', ""],
  // Polyfills and other versions.
  ["const j={M:h,P:o,A:n,C:1,L:N,R,D:d,V:M,I:k,H,N:L,U:z,B:I,F:Z},B=t.litHtmlPolyfillSupport;", ""],
  ['B?.(S,k),(t.litHtmlVersions??=[]).push("3.3.3");', ""],
  ["export{j as _$LH,", "export{"],
];
