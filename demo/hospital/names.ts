/**
 * The words that the invented facilities are made of: towns that do not exist, in states that do, with ZIP codes of the
 * right region; names of hospitals, of practices and of health systems. Read by `facilities.ts`; writes nothing.
 */

/** Fifty invented towns: name, state, ZIP code. */
export const TOWNS = `
Thornbury OH 44871|Maple Hollow IN 47283|Calder Springs CO 81119|Wexcombe VT 05487|Saltmarsh Point ME 04657
Alder Creek OR 97428|Pinnacle Bend AZ 86057|Harrowgate PA 17964|Lower Quill WI 54817|Marrowstone WA 98397
Briar Landing GA 31067|Ellisford TN 37384|Copperfield Gap WV 26249|Sandpiper Cove NC 28586|Vesper Lake MN 56483
Juniper Flats NM 87567|Oldmeadow KS 67479|Redfern IL 62477|Tallow Ridge KY 41768|Bellwater FL 32469
Windrow NE 69168|Cinder Valley UT 84759|Highmoor NH 03597|Larchmere MI 49779|Pelican Reach LA 70597
Stonecross MO 65789|Amberly MO 64897|Dunmore Heights NY 13871|Fernhollow VA 24597|Goldenrod Plains SD 57579
Hazelwick MA 01387|Ironbridge AL 36879|Kestrel Bay AK 99697|Lindengrove IA 52779|Mistral Beach CA 93497
Nettlefield MD 21687|Otterbrook RI 02897|Prairie Lantern ND 58579|Quarry Hill CT 06797|Rosethorn MS 39187
Silverleaf ID 83867|Tamarack Falls MT 59937|Umberland TX 79577|Violet Mesa NV 89897|Whitlow OK 74979
Yarrow Junction WY 82937|Zephyr Hollow AR 72879|Applecross NJ 08597|Barley Point DE 19987|Coral Lantern HI 96797
`
  .trim()
  .split(/[|\n]/)
  .map((line) => {
    const [, name = "", state = "", zip = ""] = /^(.+) ([A-Z]{2}) (\d{5})$/.exec(line) ?? [];
    return { name, state, zip };
  });

/** What a town's own hospital calls itself. */
export const CIVIC = [
  "General Hospital",
  "Regional Medical Center",
  "Community Hospital",
  "University Hospital",
  "Memorial Hospital",
  "County Hospital",
  "Medical Center",
];

/** One for each town; "Saint" and "St.", "Mount" and "Mt." as hospitals really mix them. */
export const PATRONS =
  `St. Aldith|Saint Brannoc|Mount Halcyon|St. Corentin|Saint Delphine|Mount Verity|St. Emeric|Saint Fiacre|Mt. Corwen|St. Gwendolen
Saint Hesper|Mount Ardent|St. Ione|Saint Jarlath|Mount Larkin|St. Kenelm|Saint Liora|Mt. Osric|St. Maudry|Saint Nerys
Mount Solace|St. Odile|Saint Petroc|Mount Tansy|St. Quillan|Saint Rowena|Mt. Ulric|St. Sunniva|Saint Torrin|Mount Vervain
St. Ursin|Saint Verena|Mount Wystan|St. Winnoc|Saint Ysolde|Mt. Yarden|St. Zenobia|Saint Alaric|Mount Bellamy|St. Beatrix
Saint Cuthwin|Mount Cassian|St. Damaris|Saint Eluned|Mt. Dorian|St. Felicity|Saint Godric|Mount Everard|St. Hilda|Saint Idris`.split(
    /[|\n]/,
  );

/** What stands behind a patron's name. */
export const PATRON_KINDS = ["Hospital", "Medical Center", "Children's Hospital", "Health System"];

/** One for each town: the families that the smaller practices are named after. */
export const FAMILIES =
  `Ashgrove|Birchall|Carrowmore|Dellinger|Everstone|Fairweather|Glenhaven|Hartwell|Inglesby|Jessamine
Kingsmere|Loxley|Merriweather|Northcote|Oakhurst|Pemberley|Quillfeather|Ravensworth|Summerlin|Tillinghast
Underhill|Vandermeer|Wetherby|Yardley|Zimmerly|Abernathy|Brackenridge|Cotterill|Dovecote|Elderbrook
Featherstone|Goodfellow|Hollyoak|Ivybridge|Jorvik|Kettlewell|Lillywhite|Mossgrave|Nightingale|Orchardson
Penhallow|Quarterman|Rothbury|Starling|Thistlewood|Upwood|Vinehall|Wainwright|Yewdale|Zellweger`.split(/[|\n]/);

/** What the smaller practices do. */
export const PRACTICES = [
  "Family Medicine",
  "Pediatrics",
  "Heart Center",
  "Clinic",
  "Women's Health",
  "Orthopedics",
  "Cancer Institute",
  "Eye Associates",
  "Urgent Care",
  "Children's Clinic",
  "Dermatology",
  "Internal Medicine",
];

/** Health systems with a location in several towns, all behind one portal. */
export const SYSTEMS = [
  "Larkspur Health",
  "Northwind Health Partners",
  "Bluestem Medical Group",
  "Harborlight Healthcare",
  "Cedarline Clinics",
  "Meridian Oak Health",
  "Sunrise Prairie Physicians",
];

/** What portals are called. */
export const PORTALS = ["PatientDoor", "CareLantern", "HealthLedger", "My Record Room", "WellnessFile"];
