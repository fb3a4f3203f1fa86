"""The words that announce a version, in the languages of common releases. Data only.

Each phrase is written as people write it and folded once (`text.fold`). Scripts without spaces between words are found
inside a run of letters; all others only as whole words.
"""

from songranker.titles.text import fold


def _phrases(text: str) -> list[str]:
    return list(dict.fromkeys(fold(phrase) for phrase in text.replace("\n", " ").split("|") if phrase.strip()))


# kind -> phrases that alone, or among fillers, years and each other, make a mark.
_KINDS: dict[str, str] = {
    "karaoke": """karaoke|کارائوکه|sing along|singalong|カラオケ|노래방|卡拉ok|караоке|καραόκε|كاريوكي|كاراوكي|קריוקי
        |คาราโอเกะ|कराओके|playback""",
    "commentary": """commentary|audio commentary|track by track|interview|spoken commentary|kommentar|comentario
        |comentários|commentaire|commento|комментарий|해설|解説|解說""",
    "voice_memo": "voice memo|voice memos|voice note|voice recording|ボイスメモ|음성 메모",
    "instrumental": """instrumental|بی کلام|بیکلام|instrumentals|inst|instr|instrumentale|instrumentaal|instrumentaali
        |instrumentalna|instrumentální|instrumentális|strumentale|enstrümantal|enstrumantal|off vocal
        |no vocals|without vocals|backing track|nhạc nền|インスト|インストゥルメンタル|インストルメンタル
        |オフボーカル|연주곡|연주|반주|mr|伴奏|純音樂|纯音乐|器樂|инструментал|инструментальная
        |инструментальний|інструментал|інструментальна|инструментальный|минус|минусовка|мінус|ορχηστρικό
        |ινστρουμένταλ|موسيقى فقط|موسيقى|بدون كلمات|אינסטרומנטלי|אינסטרומנטלית|פלייבק|บรรเลง|ดนตรีบรรเลง
        |इंस्ट्रुमेंटल|वाद्य""",
    "demo": """demo|demos|demo tape|rough mix|rough cut|work tape|worktape|songwriting session|songwriting demo
        |rehearsal|outtake|outtakes|maqueta|maquette|maquete|provino|bản demo|デモ|デモテープ|데모|小樣|小样
        |демо|демоверсия|ντέμο|ديمو|דמו|סקיצה|เดโม|เดโม่|डेमो""",
    "acoustic": """acoustic|آکوستیک|acoustique|acústico|acústica|acustico|acustica|acustic|akustik|akustisch|akustische
        |akoestisch|akoestische|akustisk|akustiskt|akustinen|akustyczna|akustycznie|akustická|akusticky
        |akusztikus|akustična|unplugged|stripped|stripped down|piano|piano version|klavierversion
        |アコースティック|アコギ|弾き語り|ピアノ|어쿠스틱|언플러그드|피아노|不插電|不插电|原聲|原声|木吉他
        |鋼琴|钢琴|акустика|акустическая|акустический|акустична|акустично|акустическое|ακουστικό|ακουστική
        |ακουστικά|أكوستيك|اكوستك|אקוסטי|אקוסטית|อะคูสติก|อคูสติก|अकूस्टिक|एकॉस्टिक|अनप्लग्ड""",
    "live": """live|recorded|spotify singles|spotify session|spotify sessions|itunes session|like a version
        |اجرای زنده|زنده|lives|live acoustic|en vivo|vivo|ao vivo|en directo|directo|en direct|en public
        |en concert|en concierto|in concert|concert|concierto|dal vivo|in concerto|concerto ao vivo|na żywo
        |naživo|živě|uživo|élő|élőben|canlı|canlı performans|canlı kayıt|livenä|konzert|konzertmitschnitt
        |liveaufnahme|livemitschnitt|mtv unplugged|bootleg live|live lounge|tiny desk|tiny desk concert
        |trực tiếp|langsung|siaran langsung|ライブ|ライヴ|生演奏|コンサート|라이브|콘서트|실황|現場|现场
        |現場演唱|演唱會|演唱会|концерт|концертная|концертное|концертний|концертна|живой звук|живьем|живьём
        |вживую|лайв|наживо|ζωντανά|ζωντανή|ζωντανή ηχογράφηση|λάιβ|مباشر|حفلة|حفل|لايف|مسجل مباشر|בהופעה
        |הופעה חיה|חי|לייב|הופעה|แสดงสด|บันทึกการแสดงสด|สด|คอนเสิร์ต|लाइव""",
    "rerecording": """re recorded|rerecorded|re recording|rerecording|new recording|new version|neuaufnahme
        |neu aufgenommen|regrabación|regravação|réenregistré|riregistrato|再録|再録音|新録|재녹음|重新錄製
        |重新录制|重錄|重录|перезапись|перезаписано|επανηχογράφηση|إعادة تسجيل|הקלטה מחדש""",
    "remix": """remix|ریمیکس|remixed|remixes|remixe|remixado|remixé|remiks|re mix|rmx|mix|dub|dub mix|rework
        |reworked|bootleg|mashup|mash up|vip|vip mix|flip|refix|re edit|reedit|chopped and screwed|nightcore
        |sped up|spedup|speed up|slowed|slowed down|reverb|8d|8d audio|lofi|lo fi|lofi flip|リミックス
        |리믹스|混音|加速|ремикс|рэмикс|ремікс|ρεμίξ|ريمكس|ريميكس|רמיקס|รีมิกซ์|रीमिक्स""",
    "edit": """edit|radio|radio edit|radio version|radio mix|single version|single edit|single mix|extended
        |extended version|extended mix|short version|shortened|long version|full version|full length|tv size
        |tv edit|tv version|video edit|video version|7 inch|12 inch|version longue|version courte
        |versión larga|versión corta|versione lunga|langfassung|kurzfassung|radio cut|single cut
        |テレビサイズ|tvサイズ|ショートバージョン|ロングバージョン|라디오 에디트|радио|радіо|ραδιοφωνική
        |راديو|רדיו""",
    "alternate": """alternate|alternative|alternate take|alternative take|alternate version|a cappella|acapella
        |acappella|a capella|アカペラ|아카펠라|orchestral|orchestra|symphonic|strings|string|string quartet
        |duet|dueto|cover|tribute|reimagined|revisited|early version|first version|en español|in spanish
        |en inglés|em português|en français|auf deutsch|in english|in italiano|english|spanish|spanglish
        |french|german|italian|portuguese|russian|ukrainian|arabic|turkish|hindi|telugu|tamil|malayalam
        |kannada|bengali|marathi|punjabi|urdu|korean|japanese|mandarin|cantonese|chinese|thai|indonesian
        |vietnamese|español|português|français|deutsch|italiano|日本語|英語|國語|国语|粵語|粤语|한국어|영어
        |일본어""",
    "remaster": """remaster|remasters|remastered|remastering|re mastered|re master|remasterizado|remasterizada
        |remasterización|remasterisé|remasterisée|remasterise|rimasterizzato|rimasterizzata|remastert
        |remasterad|remasteroitu|remastrowane|remasterizovaná|digital master|digital remaster
        |digitally remastered|mastered for itunes|リマスター|リマスタリング|리마스터|리마스터링|重製|重制
        |ремастер|ремастеринг|ремастированная|ремастировано|ремастерована|ρεμάστερ|ريماستر|רימאסטר
        |ริมาสเตอร์|รีมาสเตอร์|रीमास्टर|रीमास्टर्ड""",
    "mono": "mono|stereo|mono mix|stereo mix|モノラル|ステレオ|моно|стерео|dolby atmos|spatial audio|binaural",
    "edition": """deluxe|ep|edition|edición|edição|edizione|édition|ausgabe|bonus|bonus track|bonus tracks
        |hidden track|ghost track|expanded|anniversary|platinum|explicit|explicit version|edited|mixed
        |title song|clean|clean version|dirty|dirty version|uncensored|censored|album version|album mix
        |lp version|original version|original|original mix|original recording|official|official video
        |official music video|official audio|official lyric video|music video|lyric video|lyrics|video|audio
        |visualizer|visualiser|mv|m v|hd|hq|4k|title track|soundtrack|ost|original soundtrack
        |original motion picture soundtrack|motion picture soundtrack|from the vault|studio|studio version
        |single|album|deluxe box set|box set|collectors edition|special edition|tour edition
        |international version|uk version|us version|standard version|main version|versión original
        |version originale|versione originale|versão original|originalversion|bônus|bónus|faixa bônus
        |piste bonus|pista adicional|clip officiel|videoclip oficial|video oficial|ボーナストラック
        |オリジナル|公式|보너스 트랙|보너스|공식|主題歌|主题曲|主題曲|片尾曲|片頭曲|插曲|完全版|альбомная
        |бонус|бонус трек|оригинал|оригинальная|официальный|أصلي|רצועת בונוס""",
}
# Words that say nothing by themselves, but stand beside the words above.
_FILLERS = """version|versi|versiune|versiunea|versjon|versija|versioon|نسخه|versions|ver|vers|versión|versione
        |versão|versie|wersja|verze|verzia|verzió|versio|versiyon|versiyonu|verziya|fassung|the|a|an|and
        |with|w|by|of|de|del|da|do|di|du|bg|bgv|bv|vocals|vocal|background|backing|only|track|tracks
        |recording|recordings|performance|session|sessions|take|tape|full|package|digital|down|mixed|medley
        |bản|バージョン|ヴァージョン|テイク|버전|버젼|版|版本|версия|версія|вариант|трек|запись|запис|εκδοχή
        |εκτέλεση|έκδοση|βερσιόν|نسخة|إصدار|גרסה|גרסת|ביצוע|เวอร์ชั่น|เวอร์ชัน|वर्जन|वर्ज़न|संस्करण"""
# Any words may stand before these: "Calvin Harris Remix", "Japanese Version", "國語版".
_CLOSERS = """remix|versi|versiune|versjon|ریمیکس|remixed|remixe|rmx|remiks|mix|edit|dub|rework|bootleg|mashup
        |mash up|re edit|remaster|remastered|karaoke|instrumental|demo|commentary|edition|session|sessions
        |unplugged|acoustic|live|soundtrack|ost|version|ver|versión|versione|versão|versie|wersja|verze
        |verzió|versio|versiyon|versiyonu|fassung|cover|リミックス|バージョン|ヴァージョン|ライブ|リマスター
        |리믹스|버전|버젼|라이브|版|版本|混音|演唱會|演唱会|主題歌|主题曲|主題曲|片尾曲|片頭曲|插曲|ремикс
        |версия|версія|εκδοχή|εκτέλεση|έκδοση|ρεμίξ|ريمكس|ريميكس|רמיקס|รีมิกซ์|เวอร์ชั่น|เวอร์ชัน|वर्जन
        |edición|edição|edizione"""
# Any words may follow these.
_OPENERS = """version|versi|versiune|versión|versione|versão|wersja|verze|نسخة|نسخه|גרסת|גרסה|เวอร์ชั่น|เวอร์ชัน
        |версия|версія"""
# Joined to what comes before without a space: "Liveversion", "Radioversion".
COMPOUND = "version", "versjon", "versie", "aufnahme", "mitschnitt"
# After a kind these say where it was recorded or by whom it was made: then anything may follow.
CONNECTORS = frozenset(
    _phrases(
        """at|from|in|on|by|for|with|w|@|aus|im|auf|bei|beim|vom|en|au|aux|chez|à|a|al|de|del|desde|dal|da|di
        |no|na|em|i|på|vid|ved|z|v|ze|στο|στη|στον|από|в|на|из|с|у|στην|من|في|ب|ב|מ|ใน|ที่|จาก"""
    )
)
# Before "live", "mix" and the like these make a sentence: "(Long Live)", "(In the Mix)".
SENTENCE = frozenset(
    _phrases(
        """the|to|we|i|you|they|he|she|it|my|your|our|their|and|or|on|in|of|at|for|long|let|who|that|this|where
        |how|when|what|why|can|cant|dont|do|will|must|not|never"""
    )
)
# After "live in" and the like these make a sentence, too: "(Live in the Moment)".
NO_PLACES = frozenset(
    _phrases("""the moment|my|your|me|love|peace|fear|sin|you|us|a dream|your eyes|hope|the now|the past""")
)
# After "with" and the like these are no guest: "(With You)", "(Con Te)".
NO_GUESTS = frozenset(
    _phrases(
        """you|me|love|my|your|a|an|us|it|all|them|him|her|no|out|without|background|vocals|bg|bgv|lyrics
        |intro|outro|strings|orchestra|rain|te|ti|tigo|migo|el|la|los|las|un|une|le|les|toi|moi|dir|mir
        |der|die|das|einem|i|every|this|that|what"""
    )
)
# After "from" these are no film or album: "(From Me to You)".
NO_SOURCES = frozenset(
    _phrases(
        """me|you|now|here|there|where|a|an|my|this|that|the|your|our|us|heaven|above|below|within|afar
        |scratch|him|her"""
    )
)
# Words of a version's name that are the same whoever writes them.
UNNAMED = frozenset(
    _phrases(
        """the|a|an|by|and|of|de|del|version|versions|ver|vers|versión|versione|versão|versie|wersja|verze
        |remix|remixed|remixes|remixe|rmx|re|mix|mixed|edit|edited|dub|rework|reworked|recording|recorded
        |take|original|バージョン|ヴァージョン|버전|版|版本|リミックス|리믹스|混音|ремикс|версия|версія
        |ريمكس|ريميكس|נسخة|نسخة|רמיקס|גרסה|גרסת|alternate|alternative|cover|rerecorded|rerecording|再録|重錄
        |重录|new"""
    )
)


KIND_OF: dict[str, str] = {phrase: kind for kind, text in reversed(_KINDS.items()) for phrase in _phrases(text)}
FILLERS = frozenset(_phrases(_FILLERS))
CLOSERS = frozenset(_phrases(_CLOSERS))
OPENERS = frozenset(_phrases(_OPENERS))
