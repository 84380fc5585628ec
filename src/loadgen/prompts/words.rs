//! Short, common English words: with the space before it, each is one token in the usual vocabularies. Calibration
//! drops those that are not.

/// The words, in an order that never changes: prompts of a seed depend on it. New words go to the end.
pub(super) const WORDS: &str = "
the and for that with this you not are have from was can will all but one more about other time what out
when your there use some like new than who only its them first which over also now people just year
after most make into well way even back good any work because our how day two look here need want her
see state these very life world great still should those home between house long where much right place
while down show own part think help high small through system such local used again against group must
before same each business few then come being since another public take old made both best too under
during off known might number city three within last line power water point money hand form list name
data change side study really level company free service find country using next program market end
health story keep night school family play law book case food early term far car real word left light
member call often least ever full face head room child body air mind class area job age move paper party
open value office door process social second plan human given later cost report set view rest past lost
board period town reason girl boy moment strong able love together short week history build leave until
death better possible whole site sure feel include game war price test order support force run turn
start hard true live half type kind action nature field space simple single clear common low table color
black white red green blue brown gray dark bright round flat soft loud quiet fast slow cold warm hot
cool dry wet deep wide thin thick heavy empty clean rich poor young fresh sweet sharp smooth rough north
south east west spring summer winter fall morning evening noon hour minute month today tomorrow future
century four five six seven eight nine ten hundred thousand million third quarter double man woman men
women children baby father mother brother sister son daughter friend wife husband king queen prince
person doctor teacher student worker driver farmer soldier artist writer player leader manager officer
judge lawyer nurse guard guest agent owner partner client staff team crew crowd band club army church
court bank store shop hotel hospital station airport bridge road street park garden forest river lake
ocean sea beach island mountain hill valley desert farm village castle tower wall window roof floor
corner kitchen bed chair desk lamp clock mirror box bag bottle cup glass plate bowl knife spoon pan oven
bread butter cheese milk egg meat fish rice fruit apple orange banana sugar salt coffee tea wine beer
juice soup cake dinner lunch breakfast meal taste smell sound noise voice song music dance film movie
stage scene picture photo paint image shape size weight height length width depth speed rate degree
amount total sum average score rank grade mark sign letter page note text poem novel title chapter
section sentence language speech question answer problem result effect cause fact truth idea thought
dream hope fear anger joy pain peace pride shame trust doubt belief faith luck chance risk danger safety
security freedom justice rule duty task goal aim target step phase path route trip journey travel flight
train bus truck ship boat plane bike wheel engine machine tool device phone screen computer network
server software code file folder memory disk chip battery signal wire cable metal iron steel gold silver
copper stone rock sand soil dust mud ice snow rain wind storm cloud sky sun moon star earth planet fire
smoke heat energy gas oil coal wood tree leaf root seed flower grass plant animal dog cat horse cow pig
sheep bird duck chicken bear wolf lion tiger mouse snake bee tail wing eye ear nose mouth tooth tongue
neck arm leg foot knee finger skin bone blood heart brain stomach hair dress shirt coat hat shoe ring
jacket pocket cloth cotton silk leather plastic rubber pen pencil card gift toy ball bat race match win
lose coach sport swim jump walk climb throw catch kick hit push pull lift carry drop hold touch press
roll slide shake break cut fold tie fix repair create design draw write read speak talk listen hear
watch learn teach know understand remember forget believe guess wonder decide choose agree accept refuse
allow permit stop begin finish continue wait stay arrive enter return follow lead guide join meet visit
invite greet thank ask tell explain describe discuss argue promise suggest offer give send receive get
buy sell pay spend save earn owe borrow lend share collect gather spread cover fill pour mix cook bake
eat drink sleep wake relax laugh smile cry shout sing whisper breathe die kill protect attack defend
fight beat escape hide search discover notice observe measure count weigh compare check prove try fail
succeed improve grow develop become remain seem appear happen occur exist belong depend matter mean
contain require wish prefer enjoy hate always never sometimes usually already almost quite rather
perhaps maybe soon late once twice alone apart away inside outside above below behind beside beyond
across along around near forward upon toward without despite except unless although though whether
either neither every many several less enough extra main major minor basic special general normal
regular rare usual strange famous popular private national international foreign official legal
political economic cultural medical physical mental natural chemical digital modern ancient original
final recent current previous likely certain obvious serious important necessary useful available ready
busy happy sad angry afraid proud tired sick healthy weak lucky brave honest polite gentle cruel wise
smart clever foolish crazy perfect correct wrong false equal similar different opposite complete entire
broken account address advice agency agreement analysis application approach argument article aspect
attention audience author background balance base behavior benefit bill birth block border budget
campaign capital career center challenge character charge choice circle citizen claim combination
comment commission committee community competition concept concern condition conference conflict
connection content contract control conversation council credit crime crisis culture customer damage
deal debate decision demand department deposit detail development difference difficulty direction
director discussion disease display distance district division document economy edge editor education
effort election element employee employer environment error event evidence example exchange exercise
experience expert expression factor failure fashion feature feeling figure focus function fund
government growth habit impact income increase industry influence information injury insurance interest
investment issue item knowledge labor lack land limit link loan location loss management manner map mass
master material media message method middle mission mistake model mood movement nation negotiation
object opinion opportunity option package passage patient pattern performance permission perspective
piece pressure principle prison product production profession profit progress project property proposal
purpose quality range reality record region relation release religion request research resource response
responsibility review role sale sample scale schedule science season seat secret sector series session
shift shock shot skill society solution source spirit spot standard statement statistics status strategy
stress structure style subject success suit surface survey sympathy technique technology temperature
theme theory topic trade tradition traffic training transition treatment trial trouble union unit
university user variety vehicle version victim victory violence vision volume vote wealth weather
welfare winner wisdom youth zone
";
